"""Ops are compiled once: with the real compiler, on sources small enough to wait for."""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from scripts.command import Outcome
from scripts.errors import CompileError, InterruptedBuildError
from scripts.stamp import STAMP, is_as_stamped
from scripts.wheel_build import compile as compile_module
from scripts.wheel_build.built_op import BuiltOp
from scripts.wheel_build.cache import OpCache
from scripts.wheel_build.compile import Compiler
from scripts.wheel_build.compiler_output import first_errors, was_killed
from scripts.wheel_build.object_cache import ObjectCache
from scripts.wheel_build.prepare import CompileSettings, edit_recipe
from scripts.wheel_build.recipe import OpRecipe, Recipe
from tests.wheel_build.factories import (
    GXX,
    count_calls,
    counting_compiler,
    driver_command,
    make_op,
    make_recipe,
    make_settings,
    quiet_progress,
    repository_variables,
    write_tree,
)

pytestmark = pytest.mark.skipif(os.name == "nt", reason="g++ and POSIX signals")

PROJECT = {
    "csrc/adam/adam.cpp": '#include "adam.h"\nextern "C" int adam() { return STEP + helper(); }\n',
    "csrc/adam/helper.cpp": '#include "adam.h"\nint helper() { return 40; }\n',
    "csrc/adam/adam.h": "#pragma once\n#include <step.h>\nint helper();\n",
    "csrc/lion/lion.cpp": 'extern "C" int lion() { return 7; }\n',
    "csrc/lion/more.cpp": "int more() { return 8; }\n",
    "csrc/includes/step.h": "#define STEP 2\n",
}
SOURCES = {
    "adam": ("csrc/adam/adam.cpp", "csrc/adam/helper.cpp"),
    "lion": ("csrc/lion/lion.cpp", "csrc/lion/more.cpp"),
}
TORCH = {"torch/extension.h": "#pragma once\nstruct Names { int values[4]; };\n"}  # outside the source tree
USES_TORCH = {
    f"csrc/big/{name}.cpp": f"#include <torch/extension.h>\nint {name}(Names& names) {{ return names.values[WHO]; }}\n"
    for name in ("one", "two", "three")
}


def project(folder: Path, files: Mapping[str, str] = PROJECT) -> Path:
    return write_tree(folder / "source", files)


def recipe_of(
    root: Path, *, compiler: Path, extra: tuple[str, ...] = (), sources: Mapping[str, tuple[str, ...]] = SOURCES
) -> Recipe:
    recorded = root.parent / "recorded"
    ops = [make_op(root, op, files, recorded, compiler=str(compiler), extra=extra) for op, files in sources.items()]
    return make_recipe(ops)


def compile_ops(recipe: Recipe, settings: CompileSettings) -> dict[str, BuiltOp]:
    with quiet_progress(settings.objects.parent) as progress:
        return {op.op: op for op in Compiler(recipe, settings, progress).run()}


def test_ops_are_compiled_linked_and_work(tmp_path: Path) -> None:
    root = project(tmp_path)
    compiler, calls = counting_compiler(tmp_path / "bin")
    built = compile_ops(recipe_of(root, compiler=compiler), make_settings(root, tmp_path))
    assert ctypes.CDLL(str(built["adam"].binary)).adam() == 42
    assert ctypes.CDLL(str(built["lion"].binary)).lion() == 7
    assert count_calls(calls) == 4
    assert (built["adam"].module, built["adam"].file) == ("adam_op", "deepspeed/ops/adam_op.so")
    assert all(not op.cached and op.seconds > 0 for op in built.values())
    assert [path.name for path in (tmp_path / "objects").rglob("*.draft*")] == []


def test_with_one_job_an_op_is_cached_before_the_next_one_is_begun(tmp_path: Path) -> None:
    root = project(tmp_path)
    compiler, _ = counting_compiler(tmp_path / "bin")
    settings = make_settings(root, tmp_path, jobs=1)
    with quiet_progress(tmp_path) as progress:
        Compiler(recipe_of(root, compiler=compiler), settings, progress).run()
    words = re.findall(r"(adam|lion): (compiling 0|built)", (tmp_path / "test.log").read_text())
    first, second = words[0][0], words[-1][0]
    assert words == [(first, "compiling 0"), (first, "built"), (second, "compiling 0"), (second, "built")]


def test_a_second_build_takes_everything_from_the_cache_in_another_folder(tmp_path: Path) -> None:
    compiler, calls = counting_compiler(tmp_path / "bin")
    first = project(tmp_path / "first")
    cache = OpCache(tmp_path / "cache")
    made = compile_ops(recipe_of(first, compiler=compiler), make_settings(first, tmp_path / "first", cache=cache))
    calls.unlink()
    second = project(tmp_path / "second")
    built = compile_ops(recipe_of(second, compiler=compiler), make_settings(second, tmp_path / "second", cache=cache))
    assert count_calls(calls) == 0
    assert all(op.cached for op in built.values())
    assert built["adam"].binary.read_bytes() == made["adam"].binary.read_bytes()
    assert built["adam"].seconds == made["adam"].seconds


def test_a_changed_header_compiles_only_the_op_that_reads_it(tmp_path: Path) -> None:
    root = project(tmp_path)
    compiler, calls = counting_compiler(tmp_path / "bin")
    settings = make_settings(root, tmp_path)
    compile_ops(recipe_of(root, compiler=compiler), settings)
    calls.unlink()
    (root / "csrc/includes/step.h").write_text("#define STEP 3\n")
    built = compile_ops(recipe_of(root, compiler=compiler), settings)
    assert {op: entry.cached for op, entry in built.items()} == {"adam": False, "lion": True}
    assert ctypes.CDLL(str(built["adam"].binary)).adam() == 43
    assert count_calls(calls) == 2


def test_without_a_cache_nothing_is_stored_but_finished_objects_serve_again(tmp_path: Path) -> None:
    root = project(tmp_path)
    compiler, calls = counting_compiler(tmp_path / "bin")
    settings = make_settings(root, tmp_path, cache=None)
    compile_ops(recipe_of(root, compiler=compiler), settings)
    compile_ops(recipe_of(root, compiler=compiler), settings)
    assert not (tmp_path / "cache").exists()
    assert count_calls(calls) == 4


@pytest.mark.parametrize("damage", ["flipped", "cut", "stamp lost"])
def test_an_object_of_an_earlier_run_that_is_not_as_it_was_left_is_compiled_again(tmp_path: Path, damage: str) -> None:
    root = project(tmp_path)
    compiler, calls = counting_compiler(tmp_path / "bin")
    settings = make_settings(root, tmp_path, cache=None)
    before = compile_ops(recipe_of(root, compiler=compiler), settings)["adam"].binary.read_bytes()
    calls.unlink()
    (helper,) = (tmp_path / "objects").rglob("*helper.o")
    whole = helper.read_bytes()
    if damage == "stamp lost":
        helper.with_name(f"{helper.name}{STAMP}").unlink()
    else:
        helper.write_bytes(whole[:-1] if damage == "cut" else bytes([whole[0] ^ 1]) + whole[1:])
    built = compile_ops(recipe_of(root, compiler=compiler), settings)
    assert count_calls(calls) == 1
    assert helper.read_bytes() == whole
    assert built["adam"].binary.read_bytes() == before


def test_no_file_of_the_op_cache_that_changed_reaches_a_binary(tmp_path: Path) -> None:
    root = project(tmp_path)
    compiler, _ = counting_compiler(tmp_path / "bin")
    made = {
        op: built.binary.read_bytes()
        for op, built in compile_ops(recipe_of(root, compiler=compiler), make_settings(root, tmp_path)).items()
    }
    shutil.rmtree(tmp_path / "objects")
    for file in sorted(path for path in (tmp_path / "cache").rglob("*") if path.is_file()):
        content = file.read_bytes()
        file.write_bytes(content[:40] + bytes([content[40] ^ 4]) + content[41:])
        built = compile_ops(recipe_of(root, compiler=compiler), make_settings(root, tmp_path))
        assert sorted(op.cached for op in built.values()) == [False, True], file
        assert {op: one.binary.read_bytes() for op, one in built.items()} == made
        shutil.rmtree(tmp_path / "objects")


# ------------------------------------------------------------------------------------------------- failures


def test_a_failing_unit_names_source_and_error_and_the_other_op_is_kept(tmp_path: Path) -> None:
    broken = {**PROJECT, "csrc/adam/helper.cpp": "int helper() { return undeclared_name; }\n"}
    root = project(tmp_path, broken)
    compiler, calls = counting_compiler(tmp_path / "bin")
    settings = make_settings(root, tmp_path)
    with pytest.raises(CompileError, match=r"(?s)csrc/adam/helper\.cpp: .*error: .*undeclared_name"):
        compile_ops(recipe_of(root, compiler=compiler), settings)
    calls.unlink()
    (root / "csrc/adam/helper.cpp").write_text(PROJECT["csrc/adam/helper.cpp"])
    built = compile_ops(recipe_of(root, compiler=compiler), settings)
    assert built["lion"].cached
    assert not [line for line in calls.read_text().splitlines() if "lion" in line]


def test_a_link_that_fails_is_told_with_the_linkers_error(tmp_path: Path) -> None:
    root = project(tmp_path)
    compiler, _ = counting_compiler(tmp_path / "bin")
    settings = make_settings(root, tmp_path, link_words={"adam": ["-lno-such-library"]})
    recipe = edit_recipe(recipe_of(root, compiler=compiler), settings)
    with pytest.raises(CompileError, match=r"(?s)1 task failed.*adam: link: .*no-such-library"):
        compile_ops(recipe, settings)


def test_a_missing_compiler_is_named(tmp_path: Path) -> None:
    root = project(tmp_path)
    with pytest.raises(CompileError, match=r"cannot start .*no-such-g"):
        compile_ops(recipe_of(root, compiler=tmp_path / "no-such-g++"), make_settings(root, tmp_path))


KILL_ONCE = 'for word; do case "$word" in *lion.cpp) test -e {mark} || {{ touch {mark}; kill -9 $$; }};; esac; done'


def test_a_compiler_that_was_killed_is_tried_once_more(tmp_path: Path) -> None:
    root = project(tmp_path)
    compiler, calls = counting_compiler(tmp_path / "bin", before=KILL_ONCE.format(mark=tmp_path / "mark"))
    built = compile_ops(recipe_of(root, compiler=compiler), make_settings(root, tmp_path))
    assert count_calls(calls) == 5
    assert ctypes.CDLL(str(built["lion"].binary)).lion() == 7


def test_a_compiler_that_is_killed_each_time_fails_after_two_tries(tmp_path: Path) -> None:
    root = project(tmp_path)
    compiler, calls = counting_compiler(tmp_path / "bin", before="kill -9 $$")
    recipe = recipe_of(root, compiler=compiler, sources={"lion": ("csrc/lion/lion.cpp",)})
    with pytest.raises(CompileError, match=r"csrc/lion/lion\.cpp"):
        compile_ops(recipe, make_settings(root, tmp_path))
    assert count_calls(calls) == 2


def test_what_counts_as_killed_and_which_lines_are_shown() -> None:
    def outcome(code: int, output: str = "") -> Outcome:
        return Outcome(exit_code=code, seconds=0, peak_bytes=0, output=output)

    assert was_killed(outcome(-9))
    assert was_killed(outcome(1, "g++: fatal error: Killed signal terminated program cc1plus"))
    assert not was_killed(outcome(1, "a.cpp:1: error: no"))
    assert first_errors("note\na: error: 1\nb: error: 2\n", count=1) == "a: error: 1"
    assert first_errors("one\ntwo\n\n", count=1) == "two"
    assert first_errors("") == "no output"
    full = "/usr/bin/ld: final link failed: No space left on device"
    assert first_errors(f"{full}\ncollect2: error: ld returned 1 exit status") == (
        f"{full}\ncollect2: error: ld returned 1 exit status"
    )


# ------------------------------------------------------------------------------------------------- interruption

DRIVER = """
import json, signal, sys
from pathlib import Path
from scripts.errors import InterruptedBuildError
from tests.wheel_build.test_compile import compile_ops, recipe_of
from tests.wheel_build.factories import make_settings

signal.signal(signal.SIGINT, signal.default_int_handler)
work, compiler = Path(sys.argv[1]), Path(sys.argv[2])
try:
    compile_ops(recipe_of(work / "source", compiler=compiler), make_settings(work / "source", work, jobs=1))
except InterruptedBuildError as error:
    raise SystemExit(error.exit_code)
"""
SLOW_LION = 'case "$*" in *lion.cpp*) test -e {go_on} || {{ touch {waits}; sleep 60; }};; esac'


def test_an_interrupted_build_leaves_no_process_and_compiles_only_what_was_not_finished(tmp_path: Path) -> None:
    root = project(tmp_path)
    waits, go_on = tmp_path / "waits", tmp_path / "go-on"
    compiler, calls = counting_compiler(tmp_path / "bin", before=SLOW_LION.format(go_on=go_on, waits=waits))
    driver = subprocess.Popen(driver_command(DRIVER, str(tmp_path), str(compiler)), env=repository_variables())
    while not waits.exists():
        assert driver.poll() is None
        time.sleep(0.02)
    family = psutil.Process(driver.pid).children(recursive=True)
    assert family
    os.kill(driver.pid, signal.SIGINT)
    assert driver.wait(timeout=20) == InterruptedBuildError.exit_code
    _, alive = psutil.wait_procs(family, timeout=5)
    assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []
    done = {path.name for path in (tmp_path / "objects").rglob("*.o")}
    assert not [name for name in done if "lion.o" in name]
    calls.unlink()
    go_on.touch()
    built = compile_ops(recipe_of(root, compiler=compiler), make_settings(root, tmp_path))
    again = calls.read_text()
    assert [name for name in done if f"{name.split('-', 1)[1].removesuffix('.o')}.cpp" in again] == []
    assert count_calls(calls) == 4 - len(done)
    assert ctypes.CDLL(str(built["lion"].binary)).lion() == 7


def test_a_build_stops_at_its_deadline_and_keeps_what_is_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock of the test strikes when all but the slow unit is finished, however busy the machine is."""
    root, wanted = project(tmp_path), {"00-adam.o", "01-helper.o"}
    compiler, _ = counting_compiler(tmp_path / "bin", before='case "$*" in *lion*) sleep 60;; esac')

    def finished() -> set[str]:
        return {path.name for path in (tmp_path / "objects").rglob("*.o") if ".draft" not in path.name}

    def now() -> float:
        return float(finished() >= wanted)

    clock = SimpleNamespace(monotonic=now, sleep=time.sleep, time_ns=time.time_ns)
    monkeypatch.setattr(compile_module, "time", clock)
    with pytest.raises(InterruptedBuildError, match="time given is over"):
        compile_ops(recipe_of(root, compiler=compiler), make_settings(root, tmp_path, deadline=0.5))
    assert finished() == wanted


# ------------------------------------------------------------------------------------------- precompiled headers


HEADER_DRIVER = """
import sys
from pathlib import Path
from tests.wheel_build.test_compile import built_objects
folder, compiler, *extra = sys.argv[1:]
built_objects(Path(folder, "source"), Path(folder, "work"), Path(compiler), tuple(extra), torch_headers="precompiled")
"""


def torch_project(folder: Path, names: Mapping[str, str] = USES_TORCH) -> tuple[Path, tuple[str, ...]]:
    write_tree(folder / "torch-include", TORCH)
    return project(folder, names), (f"-I{folder / 'torch-include'}", "-DWHO=1", "-g0")


def big_recipe(root: Path, compiler: Path, extra: tuple[str, ...], names: Mapping[str, str] = USES_TORCH) -> Recipe:
    ops: list[OpRecipe] = []
    for name in names:  # three ops, as in DeepSpeed: each with its own extension name
        own = f"-DTORCH_EXTENSION_NAME={Path(name).stem}_op"
        recorded = root.parent / "recorded"
        ops.append(make_op(root, Path(name).stem, (name,), recorded, compiler=str(compiler), extra=(*extra, own)))
    return make_recipe(ops)


def built_objects(
    root: Path, work: Path, compiler: Path, extra: tuple[str, ...], *, torch_headers: str
) -> dict[str, bytes]:
    names = {path.relative_to(root).as_posix(): "" for path in sorted((root / "csrc").rglob("*.cpp"))}
    settings = make_settings(root, work, cache=None, torch_headers=torch_headers, jobs=1)
    compile_ops(big_recipe(root, compiler, extra, names), settings)
    return {f"{path.parent.name}/{path.name}": path.read_bytes() for path in sorted((work / "objects").rglob("*.o"))}


def test_a_precompiled_header_is_made_once_is_used_and_changes_no_byte(tmp_path: Path) -> None:
    root, extra = torch_project(tmp_path)
    compiler, calls = counting_compiler(tmp_path / "bin")
    plain = built_objects(root, tmp_path / "plain", compiler, extra, torch_headers="torch")
    assert not (tmp_path / "plain" / "headers").exists()
    calls.unlink()
    quick = built_objects(
        root, tmp_path / "quick", compiler, (*extra, "-Winvalid-pch", "-H"), torch_headers="precompiled"
    )
    assert len(list((tmp_path / "quick" / "headers").glob("*/extension.h.gch"))) == 1
    assert calls.read_text().count(" -c ") == 1 + len(USES_TORCH)
    log = (tmp_path / "quick" / "test.log").read_text()
    assert log.count("! ") >= len(USES_TORCH), "-H marks each precompiled header that is used with !"
    assert " x " not in log
    assert sorted(quick.values()) == sorted(plain.values())


def test_a_header_that_is_there_already_is_not_made_again(tmp_path: Path) -> None:
    root, extra = torch_project(tmp_path)
    compiler, calls = counting_compiler(tmp_path / "bin")
    built_objects(root, tmp_path / "one", compiler, extra, torch_headers="precompiled")
    calls.unlink()
    (tmp_path / "two").mkdir()
    (tmp_path / "one" / "headers").rename(tmp_path / "two" / "headers")
    settings = make_settings(root, tmp_path / "two", torch_headers="precompiled", cache=None)
    compile_ops(big_recipe(root, compiler, extra), settings)
    assert calls.read_text().count(" -c ") == len(USES_TORCH)
    assert "c++-header" not in calls.read_text()


HEADERS = {"changed": "first/names.h", "come to stand earlier": "earlier/names.h"}


@pytest.mark.parametrize("change", HEADERS)
def test_a_header_of_other_files_than_are_there_now_is_made_anew(tmp_path: Path, change: str) -> None:
    """GCC would take it, and the units would be kept as if they were made from what is there."""
    names, files = dict.fromkeys(USES_TORCH, ""), {"torch/torch/extension.h": "#include <names.h>\n"}
    text = "#include <torch/extension.h>\nint which() { return WHICH; }\n"
    write_tree(tmp_path, {**files, "first/names.h": "#define WHICH 1\n", **{f"source/{name}": text for name in names}})
    (tmp_path / "earlier").mkdir()
    extra = tuple(f"-I{tmp_path}/{folder}" for folder in ("earlier", "first", "torch"))

    def objects(folder: str) -> list[bytes]:
        work, units = tmp_path / folder, ObjectCache(tmp_path / folder / "units")
        shutil.rmtree(work / "objects", ignore_errors=True)
        time.sleep(0.03)
        settings = make_settings(tmp_path / "source", work, cache=None, units=units, torch_headers="precompiled")
        compile_ops(big_recipe(tmp_path / "source", Path(GXX), extra, names), settings)
        assert len(list((work / "headers").glob("*/*.gch"))) == 1
        return [path.read_bytes() for path in sorted((work / "objects").rglob("*.o"))]

    before = objects("work")
    write_tree(tmp_path, {HEADERS[change]: "#define WHICH 2\n"})
    assert before != objects("work") == objects("anew")


def test_a_header_of_files_that_changed_while_it_was_made_is_not_taken_for_one_of_them(tmp_path: Path) -> None:
    root, extra = torch_project(tmp_path)
    late = f'case "$*" in *c++-header*) touch {tmp_path}/torch-include/torch/extension.h;; esac'
    compiler, calls = counting_compiler(tmp_path / "bin", before=late)
    for _ in range(2):
        shutil.rmtree(tmp_path / "work" / "objects", ignore_errors=True)
        built_objects(root, tmp_path / "work", compiler, extra, torch_headers="precompiled")
    assert calls.read_text().count("c++-header") == 2


@pytest.mark.parametrize("damage", ["flipped", "cut", "text", "stamp lost"])
def test_a_header_that_is_not_as_it_was_left_is_made_anew(tmp_path: Path, damage: str) -> None:
    root, extra = torch_project(tmp_path)
    compiler, calls = counting_compiler(tmp_path / "bin")
    built_objects(root, tmp_path / "work", compiler, extra, torch_headers="precompiled")
    (made,) = (tmp_path / "work" / "headers").glob("*/*.gch")
    whole = made.read_bytes()
    if damage == "stamp lost":
        made.with_name(f"{made.name}{STAMP}").unlink()
    elif damage == "text":
        made.with_name("extension.h").write_text("")
    else:
        made.write_bytes(whole[:-1] if damage == "cut" else whole[:500] + bytes([whole[500] ^ 1]) + whole[501:])
    calls.unlink()
    shutil.rmtree(tmp_path / "work" / "objects")
    built_objects(root, tmp_path / "work", compiler, extra, torch_headers="precompiled")
    assert calls.read_text().count("c++-header") == 1
    assert made.with_name("extension.h").read_text() == "#include <torch/extension.h>\n"
    assert is_as_stamped(made)


def test_builds_that_need_a_header_at_once_make_it_once(tmp_path: Path) -> None:
    root, extra = torch_project(tmp_path)
    compiler, calls = counting_compiler(tmp_path / "bin", before='case "$*" in *c++-header*) sleep 0.5;; esac')
    both = [
        make_settings(root, tmp_path / name, torch_headers="precompiled", cache=None, headers=tmp_path / "headers")
        for name in ("a", "b")
    ]
    for settings in both:
        settings.objects.parent.mkdir()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda settings: compile_ops(big_recipe(root, compiler, extra), settings), both))
    assert calls.read_text().count("c++-header") == 1


def test_a_header_whose_making_was_killed_is_made_by_the_next_build(tmp_path: Path) -> None:
    root, extra = torch_project(tmp_path)
    hang = f'case "$*" in *c++-header*) test -e {tmp_path}/hung || {{ touch {tmp_path}/hung; exec sleep 60; }};; esac'
    compiler, _ = counting_compiler(tmp_path / "bin", before=hang)
    command = driver_command(HEADER_DRIVER, str(tmp_path), str(compiler), *extra)
    process = subprocess.Popen(command, env=repository_variables(), start_new_session=True)
    while not (tmp_path / "hung").exists():
        assert process.poll() is None
        time.sleep(0.02)
    process.kill()
    process.wait()
    built_objects(root, tmp_path / "work", compiler, extra, torch_headers="precompiled")
    (made,) = (tmp_path / "work" / "headers").glob("*/*.gch")
    assert is_as_stamped(made)


def test_fewer_units_than_it_is_worth_make_no_header(tmp_path: Path) -> None:
    two = dict(list(USES_TORCH.items())[:2])
    root, extra = torch_project(tmp_path, two)
    compiler, calls = counting_compiler(tmp_path / "bin")
    built_objects(root, tmp_path / "work", compiler, extra, torch_headers="precompiled")
    assert count_calls(calls) == 2


def test_a_header_that_cannot_be_made_only_costs_time(tmp_path: Path) -> None:
    root, extra = torch_project(tmp_path)
    fail = 'case "$*" in *c++-header*) echo "out of space" >&2; exit 1;; esac'
    compiler, _ = counting_compiler(tmp_path / "bin", before=fail)
    plain = built_objects(root, tmp_path / "plain", compiler, extra, torch_headers="torch")
    slow = built_objects(root, tmp_path / "slow", compiler, extra, torch_headers="precompiled")
    assert sorted(slow.values()) == sorted(plain.values())
    assert list((tmp_path / "slow" / "headers").rglob("*.draft")) == []
    assert "no precompiled header: out of space" in (tmp_path / "slow" / "test.log").read_text()
