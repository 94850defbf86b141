"""Which sources are read, and how: the ops, patches, options and standard of the Windows targets, equal ones once."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from scripts.command import Command
from scripts.errors import NothingToDoError, SourceError
from scripts.facts.load import load_facts
from scripts.plan.expand import expand
from scripts.plan.matrix import load_matrix
from scripts.plan.target import parse_id
from scripts.portability import units
from scripts.portability.reading import Reader, read_faults
from scripts.portability.source_sets import SourceSet, source_sets
from scripts.portability.units import SourceUnit, read_as_cl, units_of
from scripts.portability.word_search import Fault, foreign_words
from tests.wine.nvidia import WHEELS as NVCC_WHEELS

FACTS = load_facts()
MATRIX = load_matrix(Path(__file__).parent.parent.parent / "matrix.yaml", FACTS)
CPU = "ds0.19.8-torch2.11.0-cpu-cp311-win_amd64"
CUDA = "ds0.19.8-torch2.15.0-cu130-cp312-win_amd64"
ALL_OPS = """\
import sys

class Builder:
    NAME, BUILD_VAR = "cpu_adam", "DS_BUILD_CPU_ADAM"

    def absolute_name(self):
        return "deepspeed.ops.adam.cpu_adam_op"

    def builder(self):
        from torch.utils.cpp_extension import CUDA_HOME, CppExtension
        import os
        assert sys.platform == "win32"
        return CppExtension(
            name="x",
            sources=["csrc/adam/a.cpp", "csrc/adam/b.cu"],
            include_dirs=[os.path.abspath("csrc/includes"), CUDA_HOME + "/include"],
            extra_compile_args={
                "cxx": ["-O2", "-D__AVX256__", "-Wno-reorder", "-fopenmp"],
                "nvcc": ["-O3", "-DHALF", "-g"],
            },
        )

class Broken(Builder):
    NAME = "broken"

    def builder(self):
        raise RuntimeError("no CUTLASS here")

class Filter(Builder):
    NAME = "filter"

    def builder(self):
        import os
        os.environ["TORCH_CUDA_ARCH_LIST"] = "8.0"
        return super().builder()

class Arches(Builder):
    NAME = "arches"

    def builder(self):
        import os
        extension = super().builder()
        extension.extra_compile_args = [f"-DARCHES={os.environ['TORCH_CUDA_ARCH_LIST']}"]
        return extension

ALL_OPS = {each.NAME: each for each in (Builder(), Broken(), Filter(), Arches())}
"""


def sets(*ids: str) -> tuple[SourceSet, ...]:
    return source_sets([parse_id(each) for each in ids], FACTS, MATRIX)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    files = {
        "op_builder/__init__.py": "",
        "op_builder/builder.py": "",
        "op_builder/all_ops.py": ALL_OPS,
        "csrc/adam/a.cpp": "#include <torch/extension.h>\n#include <x.h>\n",
        "csrc/adam/b.cu": "#include <x.h>\n",
        "csrc/includes/x.h": "// __attribute__\n\nusing namespace std;\nint n __attribute__((unused));\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def read_units(tree: Path, one: SourceSet, *ops: str) -> tuple[SourceUnit, ...]:
    return units_of(replace(one, ops=ops or ("cpu_adam",)), tree, FACTS, ("avx2",))


def test_targets_whose_sources_cannot_differ_are_one_set() -> None:
    one = sets(CPU, CPU.replace("cp311", "cp312"), CPU.replace("2.11.0", "2.10.0"), CPU.replace("2.11.0", "2.15.0"))
    assert [each.label for each in one] == ["0.19.8 cpu c++17", "0.19.8 cpu c++20"]


def test_torch_decides_the_standard_and_torch_and_cuda_the_patches() -> None:
    old, new = sets(CUDA.replace("2.15.0", "2.8.0").replace("cu130", "cu128"), CUDA)
    assert (old.dialect.standard, new.dialect.standard) == ("c++17", "c++20")
    assert "P15" in {patch.id for patch in new.patches} - {patch.id for patch in old.patches}
    assert "namespace-std" in {word.id for word in new.words} - {word.id for word in old.words}


def test_a_selection_without_a_windows_target_is_an_error() -> None:
    with pytest.raises(NothingToDoError, match="no Windows target"):
        sets(CPU.replace("win_amd64", "linux_x86_64"))


def test_upstreams_builders_say_what_is_compiled_as_on_windows(tree: Path) -> None:
    cpp, cuda = read_units(tree, sets(CPU)[0])
    assert (cpp.name, cuda.name) == ("csrc/adam/a.cpp", "csrc/adam/b.cu")
    assert (cpp.is_compiled_by_cl, cuda.is_compiled_by_cl) == (True, False)
    assert cpp.options == (f"-I{tree / 'csrc/includes'}", "-D__AVX256__")  # no directory of a toolkit
    assert "-fopenmp" not in cpp.upstream  # dropped by a row of flags.yaml
    assert (cuda.options, cuda.upstream) == ((f"-I{tree / 'csrc/includes'}", "-DHALF"), ("-O3", "-DHALF"))
    assert [path.name for path in cpp.files] == ["a.cpp", "x.h"]
    assert (cpp.precompiled, cuda.precompiled) == (True, False)


def test_what_one_builder_does_to_the_architectures_is_not_told_to_the_next(tree: Path) -> None:
    """The builders of ops that need a newer GPU do; setup.py asks only those of the ops that are built."""
    cpp, _ = read_units(tree, sets(CUDA)[0], "arches")
    assert f"-DARCHES={MATRIX.arches['cu130']}" in cpp.options


def test_an_op_whose_builder_fails_is_named_with_the_reason(tree: Path) -> None:
    with pytest.raises(
        SourceError, match=r"0\.19\.8 cpu c\+\+17: broken cannot be read: RuntimeError: no CUTLASS here"
    ):
        read_units(tree, sets(CPU)[0], "broken")


def test_equal_units_have_one_key_and_a_header_or_a_standard_makes_another(tree: Path) -> None:
    old, new = sets(CPU, CPU.replace("2.11.0", "2.15.0"))
    keys = [read_units(tree, one)[0].key("clang") for one in (old, new, replace(old, target=parse_id(CPU)))]
    assert keys[0] == keys[2] != keys[1]
    (tree / "csrc/includes/x.h").write_text("int n;\n", encoding="utf-8")
    assert read_units(tree, old)[0].key("clang") != keys[0]
    assert read_units(tree, new)[0].key("clang 20") != read_units(tree, new)[0].key("clang")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("#if defined(A) or defined(B)\n#endif\n", "#if defined(A)\n#endif\n"),
        ("#elif defined(A) && B or \\\n    defined(C)\nint x;\n", "#elif defined(A) && B\nint x;\n"),
        ("# if A and B // both\n", "# if A\n"),
        ("#if A || B\nbool c = a or b;\n", "#if A || B\nbool c = a or b;\n"),
    ],
)
def test_below_cpp20_conditions_are_read_as_cl_reads_them(tmp_path: Path, before: str, after: str) -> None:
    file = tmp_path / "csrc" / "deep" / "x.h"
    file.parent.mkdir(parents=True)
    for dialect in FACTS.dialects:
        file.write_text(before, encoding="utf-8")
        read_as_cl(tmp_path, dialect)
        assert file.read_text(encoding="utf-8") == (after if dialect.standard == "c++17" else before)


def test_words_are_found_in_code_and_not_in_comments_and_with_their_line(tree: Path) -> None:
    [one] = sets(CUDA)
    found = [(unit.name, fault) for unit, fault in foreign_words(read_units(tree, one))]
    places = [(name, fault.place) for name, fault in found]
    assert ("csrc/adam/a.cpp", "csrc/includes/x.h:4") in places  # __attribute__
    assert ("csrc/adam/a.cpp", "csrc/includes/x.h:3") in places  # using namespace std
    assert [fault.text for _, fault in found if fault.place == "options of cpu_adam"] == [
        "-Wno-reorder: cl ends with D8021, invalid numeric argument"
    ]
    assert len(places) == len(set(places)) == 3


@pytest.mark.skipif(sys.platform == "win32", reason="a process cannot send itself Ctrl-C")
def test_when_it_is_stopped_nothing_more_is_read(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C reaches a front end only by us, since each has a session of its own."""
    monkeypatch.setattr(Reader, "__init__", lambda self: None)
    started = tmp_path / "started"
    sleep = f"import pathlib, time; pathlib.Path({str(started)!r}).touch(); time.sleep(60)"
    reader = Reader()  # type: ignore[call-arg]
    reader.precompile, reader.cache = False, tmp_path / "cache"
    reader.options = lambda dialect, accelerator: ()  # type: ignore[method-assign]
    reader.front_end = SimpleNamespace(check=lambda *words: Command(argv=(sys.executable, "-c", sleep)))  # type: ignore[assignment]
    [unit, _] = read_units(tree, sets(CPU)[0])
    begun = time.monotonic()

    def stop() -> None:
        while not started.exists():
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=stop, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        reader._ask({str(number): unit for number in range(20)})
    assert time.monotonic() - begun < 40
    assert not list((tmp_path / "cache").rglob("*.json"))


@pytest.mark.parametrize(
    ("option", "refused"),
    [
        *((f"-W{name}", True) for name in ("no-reorder", "error", "error=vla", "extra", "unused", "l,-s", "5")),
        *((f"/W{name}", False) for name in ("0", "4", "X", "X-", "all", "L", "v:19", "p64")),
        *((other, False) for other in ("-w", "/wd4624", "-O2")),
    ],
)
def test_a_warning_that_cl_does_not_know_is_one_that_it_ends_with(option: str, refused: bool) -> None:
    """learn.microsoft.com, "/w, /W0, /W1, /W2, /W3, /W4, ..." and D8021."""
    [row] = [row for row in FACTS.foreign_words if row.place == "options"]
    assert bool(re.fullmatch(row.pattern, option)) == refused


def test_what_the_front_end_prints_becomes_faults_with_short_paths() -> None:
    said = "/w/tree/csrc/a.cpp(7,10): fatal error: 'sys/mman.h' file not found\n  7 | x\n/c/torch/x.h(3): error: no\n"
    assert read_faults(said, Path("/w/tree"), Path("/c")) == (
        Fault(place="csrc/a.cpp:7", text="'sys/mman.h' file not found"),
        Fault(place="torch/x.h:3", text="no"),
    )
    assert read_faults("clang: crashed\n1 error generated.\n", Path("/w"), Path("/c")) == ()


def test_the_program_that_asks_the_builders_needs_nothing_but_a_python(tree: Path) -> None:
    """`-I -S`: no package of this environment is there."""
    words = ["cpu", "2.15.0", "", "avx2", "out.json"]
    argv = [sys.executable, "-I", "-S", str(units.PROGRAM), *words]
    ended = subprocess.run(argv, cwd=tree, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    found = json.loads((tree / "out.json").read_text(encoding="utf-8"))
    assert found["broken"]["error"] == "RuntimeError: no CUTLASS here"
    assert "sources" not in found["broken"]


def test_every_dialect_holds_for_some_torch_and_every_torch_has_one() -> None:
    standards = [sets(CPU.replace("2.11.0", release.newest))[0].dialect.standard for release in FACTS.torch.values()]
    assert set(standards) == {row.standard for row in FACTS.dialects}


def test_every_windows_target_was_judged_as_far_as_can_be_or_says_what_is_untried() -> None:
    """All C++ by clang in its cl mode, the lines of nvcc by the nvcc.exe of its CUDA, where there is one."""
    planned = [each for each in expand(MATRIX, FACTS).targets if each.target.system == "windows"]
    read = source_sets([each.target for each in planned], FACTS, MATRIX)
    assert len(planned) > 1000
    for each in planned:
        [one] = source_sets([each.target], FACTS, MATRIX)
        assert (one.tree, one.dialect, one.ops) in [(other.tree, other.dialect, other.ops) for other in read]
        told = {note.id for note in each.notes if note.level == "warn"}
        judged = each.target.cuda_version is None or each.target.cuda_version in NVCC_WHEELS
        assert judged != ("nvcc-untried" in told), each.target.id
        assert (one.dialect.standard == "c++20") == ("cpp20-msvc-untried" in told), each.target.id
