"""Every row of flags.yaml does something to a command line that upstream's build really records."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from scripts.errors import DataError
from scripts.facts.flag_edits import FlagEdit
from scripts.facts.load import DATA, load_facts
from scripts.plan.target import parse_id
from scripts.wheel_build.flags import edit_flags
from scripts.wheel_build.unit_objects import OF_PROCESS
from tests.wheel_build.factories import GXX, write_tree
from tests.wheel_build.plans import make_plan

PLACES = {
    "source": "/shop/source",
    "environment": "/shop/env",
    "torch": "/shop/env/lib/torch",
    "python": "/opt/python3.11",
    "compiler": "/usr/bin/g++-13",
    "unit": "csrc/adam/multi_tensor_adam.cu",
}
CPU = ("-march=x86-64-v3",)
RECORDED = {
    "compile": (
        "g++ -Wsign-compare -DNDEBUG -g -fwrapv -O3 -Wall -fPIC -I/shop/source/csrc/includes"
        " -I/shop/env/lib/python3.11/site-packages/torch/include -c csrc/adam/cpu_adam.cpp -o /shop/objects/cpu_adam.o"
        " -O3 -g -Wno-reorder -march=native -fopenmp -D__AVX256__ -DTORCH_API_INCLUDE_EXTENSION_H"
        " -DTORCH_EXTENSION_NAME=cpu_adam_op -std=c++20"
    ),
    "nvcc": (
        "/opt/cuda/bin/nvcc -I/shop/source/csrc/includes -c csrc/adam/multi_tensor_adam.cu -o /shop/objects/multi.o"
        " -ccbin gcc --expt-relaxed-constexpr --compiler-options '-fPIC' -O3 -lineinfo --use_fast_math --threads=1"
        " -gencode=arch=compute_80,code=sm_80 -DTORCH_EXTENSION_NAME=fused_adam_op -std=c++17"
    ),
    "link": (
        "g++ -shared -Wl,-rpath,/opt/python3.11/lib -L/opt/python3.11/lib -g /shop/objects/cpu_adam.o"
        " -L/shop/env/lib/python3.11/site-packages/torch/lib -lc10 -ltorch -fopenmp -o /shop/lib/cpu_adam_op.so"
    ),
}
WINDOWS = {
    "compile": (
        r"C:\VC\bin\cl.exe /c /nologo /O2 /W3 /GL /DNDEBUG /MD /IC:\shop\source\csrc/includes /EHsc"
        r" /Tpcsrc/adam/cpu_adam.cpp /FoC:\shop\objects\cpu_adam.obj -O2 -march=native -fopenmp -D__AVX256__ /std:c++17"
    ),
    "nvcc": (
        r"C:\CUDA\bin\nvcc -c csrc/adam/multi_tensor_adam.cu -o C:\shop\objects\multi.obj -Xcompiler /EHsc -O3"
        r" -lineinfo --threads=8 -allow-unsupported-compiler -gencode=arch=compute_80,code=sm_80 --use-local-env"
    ),
    "link": (
        r"C:\VC\bin\link.exe /nologo /INCREMENTAL:NO /LTCG /DLL /MANIFEST:EMBED,ID=2 /LIBPATH:C:\shop\env\torch\lib"
        r" c10.lib cublas.lib /EXPORT:PyInit_fused_adam_op C:\shop\objects\multi.obj /OUT:C:\shop\fused_adam_op.pyd"
        r" /IMPLIB:C:\shop\objects\fused_adam_op.lib -lcurand -LC:\CUDA\lib"
    ),
}
EDITS = load_facts().flags


def edited(step: str, edits: tuple[FlagEdit, ...] = EDITS, system: str = "linux") -> tuple[str, ...]:
    return edit_flags(RECORDED[step].split(), edits, step=step, system=system, directories=PLACES, cpu=CPU)


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.id)
def test_every_row_changes_a_recorded_command(edit: FlagEdit) -> None:
    before = (RECORDED if edit.system == "linux" else WINDOWS)[edit.step].split()
    after = edit_flags(before, (edit,), step=edit.step, system=edit.system, directories=PLACES, cpu=CPU)
    assert after != tuple(before)
    assert not edit.drop or len([word for word in before if word in after]) < len(before)


def test_nothing_of_this_machine_and_no_debug_information_is_left_in_a_compile_command() -> None:
    words = edited("compile")
    assert {"-march=native", "-g", "-Wall", "-Wsign-compare", "-Wno-reorder"} & set(words) == set()
    assert {"-march=x86-64-v3", "-g0", "-w", "-ffile-prefix-map=/shop/source=."} <= set(words)


def test_what_decides_the_code_stays_in_its_order() -> None:
    kept = [
        "g++",
        "-DNDEBUG",
        "-fwrapv",
        "-O3",
        "-fPIC",
        "-c",
        "csrc/adam/cpu_adam.cpp",
        "-fopenmp",
        "-D__AVX256__",
        "-DTORCH_EXTENSION_NAME=cpu_adam_op",
        "-std=c++20",
    ]
    words = list(edited("compile"))
    assert [word for word in words if word in kept and word != "-O3"] == [word for word in kept if word != "-O3"]
    assert words.count("-O3") == 2


def test_the_link_command_names_no_folder_of_the_building_python_but_still_finds_torch() -> None:
    words = edited("link")
    assert [word for word in words if PLACES["python"] in word] == []
    assert "-L/shop/env/lib/python3.11/site-packages/torch/lib" in words
    assert "-Wl,--strip-all" in words


def test_the_rows_of_one_system_leave_the_other_alone() -> None:
    windows = tuple(edit for edit in EDITS if edit.system == "windows")
    others = tuple(edit for edit in EDITS if edit.system == "linux")
    assert len(windows) + len(others) == len(EDITS)
    assert edited("compile", others, system="windows") == tuple(RECORDED["compile"].split())


def test_the_compiler_itself_is_never_dropped() -> None:
    edit = FlagEdit(id="greedy", system="linux", step="compile", drop=(".*",), append=("-O0",), reason="", source=())
    assert edited("compile", (edit,)) == ("g++", "-O0")


def test_a_folder_with_signs_of_a_pattern_in_its_name_is_taken_as_it_is() -> None:
    edit = FlagEdit(id="path", system="linux", step="link", drop=("-L{python}.*",), append=(), reason="", source=())
    words = ["g++", "-L/opt/c++ (x)/lib", "-L/opt/cc (x)/lib"]
    places = {**PLACES, "python": "/opt/c++ (x)"}
    assert edit_flags(words, [edit], step="link", system="linux", directories=places, cpu=()) == ("g++", words[2])


@pytest.mark.skipif(not shutil.which("nvcc"), reason="nvcc")
def test_a_kernel_is_the_same_wherever_its_source_lies(tmp_path: Path) -> None:
    """nvcc names what is hidden in a file by where the file lies, and what a process writes by its id."""
    kernel = "namespace {\n__device__ int hidden;\n__global__ void k(int *p) { *p = hidden; }\n}\n"
    objects = []
    for folder, row in (("one", True), ("two/more", True), ("two/more", False)):
        write_tree(
            tmp_path / folder, {"csrc/adam/multi_tensor_adam.cu": f"{kernel}void f(int *p) {{ k<<<1, 1>>>(p); }}\n"}
        )
        places = {**PLACES, "source": str(tmp_path / folder), "compiler": GXX}
        argv = ["nvcc", "-c", "csrc/adam/multi_tensor_adam.cu", "-o", "object.o"]
        edits = EDITS if row else [edit for edit in EDITS if edit.id != "nvcc-symbols-of-no-place"]
        words = edit_flags(argv, edits, step="nvcc", system="linux", directories=places, cpu=CPU)
        subprocess.run(words, cwd=tmp_path / folder, check=True)
        objects.append(OF_PROCESS.sub(b"", (tmp_path / folder / "object.o").read_bytes()))
    assert objects[0] == objects[1] != objects[2]


def test_what_an_older_nvcc_is_not_known_to_take_is_for_no_target_of_it() -> None:
    [row] = [edit for edit in EDITS if edit.id == "nvcc-symbols-of-no-place"]
    of_targets = {
        cuda: row in make_plan(parse_id(f"ds0.16.5-torch{torch}-{cuda}-cp311-linux_x86_64")).flags
        for torch, cuda in (("2.6.0", "cu118"), ("2.6.0", "cu124"))
    }
    assert of_targets == {"cu118": False, "cu124": True}


@pytest.mark.skipif(os.name == "nt", reason="g++")
def test_the_real_compiler_takes_the_edited_flags(tmp_path: Path) -> None:
    (tmp_path / "a.cpp").write_text("int f() { return 1; }\n")
    kept = [
        word for word in edited("compile")[1:] if not word.startswith(("-I", "-c", "-o")) and "/cpu_adam" not in word
    ]
    argv = [GXX, *kept, "-c", str(tmp_path / "a.cpp"), "-o", str(tmp_path / "a.o")]
    answer = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (answer.returncode, answer.stderr) == (0, "")


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("step: compile", "step: complie", "flags.yaml:9: flags[0].step (no-debug-information):"),
        ("system: linux", "system: linus", "flags.yaml:8: flags[0].system (no-debug-information):"),
        ("id: strip", "name: strip", "flags.yaml:49: flags[6].name (strip):"),
        ('append: ["-w"]', "append: -w", "flags.yaml:18: flags[1].append (no-warnings):"),
    ],
)
def test_a_bad_row_is_refused_where_it_stands(tmp_path: Path, old: str, new: str, where: str) -> None:
    folder = Path(shutil.copytree(DATA, tmp_path / "data"))
    file = folder / "flags.yaml"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(DataError) as caught:
        load_facts(folder)
    assert [problem for problem in caught.value.problems if problem.startswith(where)], caught.value.problems


def test_every_pattern_can_be_read_and_every_folder_it_names_is_known() -> None:
    for edit in EDITS:
        assert edit.drop or edit.append, edit.id
        for text in (*edit.drop, *edit.append):
            assert set(re.findall(r"\{([a-z]+)\}", text)) <= {*PLACES, "cpu"}, edit.id
        assert all(re.compile(pattern.replace("{python}", "x")) for pattern in edit.drop)


def test_every_row_has_an_id_of_its_own_and_a_reason() -> None:
    assert len({edit.id for edit in EDITS}) == len(EDITS)
    assert all(edit.reason and edit.source for edit in EDITS)


def test_nvcc_is_given_the_compiler_that_the_gates_were_asked_about() -> None:
    words = edited("nvcc")
    assert "-ccbin=/usr/bin/g++-13" in words
    assert {"-ccbin", "gcc"} & set(words) == set()
    assert "--expt-relaxed-constexpr" in words


def test_the_libraries_of_a_toolkit_below_the_folder_of_python_stay() -> None:
    """A distribution's Python lies in /usr, and /usr/local/cuda is below that."""
    link = [
        "g++",
        "-shared",
        "-L/usr/lib",
        "x.o",
        "-L/usr/venv/torch/lib",
        "-L/usr/local/cuda-12.4/lib64",
        "-lcudart",
        "-o",
        "x.so",
    ]
    words = edit_flags(link, EDITS, step="link", system="linux", directories={**PLACES, "python": "/usr"}, cpu=CPU)
    assert {"-L/usr/venv/torch/lib", "-L/usr/local/cuda-12.4/lib64"} <= set(words)
    assert "-L/usr/lib" not in words
