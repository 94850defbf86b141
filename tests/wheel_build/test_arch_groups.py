"""Architectures are compiled together where nothing in a unit tells them apart, and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from scripts.facts.arch_branches import ArchRows
from scripts.facts.load import load_facts
from scripts.wheel_build.arch_groups import joined, numbers_in, with_joined_arches
from scripts.wheel_build.recipe import Unit
from tests.wheel_build.factories import write_tree

FACTS = load_facts()
ROWS = ArchRows(families=tuple(row.sms for row in FACTS.arch_families), branches=FACTS.arch_branches)
ALL = tuple(f"-gencode=arch=compute_{sm},code=sm_{sm}" for sm in (80, 86, 89, 90))
JOINED = "-gencode=arch=compute_80,code=[sm_80,sm_86,sm_89]"


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("int a;", set()),
        ("#if defined(__CUDA_ARCH__) && (__CUDA_ARCH__ >= 530)", {530}),
        ("#ifdef __CUDA_ARCH__\n#if __CUDA_ARCH__ < 700 || __CUDA_ARCH__ > 890", {700, 891}),
        ("#if __CUDA_ARCH__ == 860\n#elif __CUDA_ARCH__ <= 800", {860, 861, 801}),
        ("// __CUDA_ARCH__ is set\n/* __CUDA_ARCH__\n */ int a;", set()),
        ("int n = __CUDA_ARCH__ / 10;", None),
        ("#if 800 <= __CUDA_ARCH__", None),
        ("#ifdef __CUDA_ARCH_LIST__", None),
        ("NV_IF_TARGET(NV_PROVIDES_SM_80, (a();))", None),
        ("#if __CUDA_MINIMUM_ARCH__ > 800", None),
    ],
)
def test_every_mention_of_an_architecture_is_understood_or_stops_the_joining(
    text: str, numbers: set[int] | None
) -> None:
    assert numbers_in(text.encode()) == numbers


def unit_of(folder: Path, files: Mapping[str, str], compiler: str = "nvcc") -> Unit:
    write_tree(folder, files)
    argv = (
        compiler,
        "-Icsrc/includes",
        *ALL,
        "-gencode=arch=compute_90,code=compute_90",
        "-c",
        "csrc/a.cu",
        "-o",
        "a.o",
    )
    return with_joined_arches(Unit(source="csrc/a.cu", object=Path("a.o"), argv=argv), folder, ROWS)


def test_a_family_is_compiled_once_and_the_others_as_they_were(tmp_path: Path) -> None:
    unit = unit_of(tmp_path, {"csrc/a.cu": "#include <cuda_fp16.h>\n#include <vector>\n"})
    assert [word for word in unit.argv if "gencode" in word] == [
        JOINED,
        ALL[3],
        "-gencode=arch=compute_90,code=compute_90",
    ]


@pytest.mark.parametrize(
    "files",
    [
        {"csrc/a.cu": "#include <torch/extension.h>\n"},
        {"csrc/a.cu": "#include <cub/cub.cuh>\n"},
        {"csrc/a.cu": "#include <cuda_fp8.h>\n"},
        {"csrc/a.cu": '#include "own.h"\n', "csrc/includes/own.h": "#include <cutlass/cutlass.h>\n"},
        {"csrc/a.cu": '#include "own.h"\n', "csrc/includes/own.h": "int n = __CUDA_ARCH__;\n"},
        {"csrc/a.cu": '#define OWN "own.h"\n#include OWN\n', "csrc/includes/own.h": "int n = __CUDA_ARCH__;\n"},
        {"csrc/a.cu": '#include \\\n "own.h"\n', "csrc/includes/own.h": "int n = __CUDA_ARCH__;\n"},
        *(
            {"csrc/a.cu": f"{text}\n#endif\n"}
            for text in (
                "#if __CUDA_ARCH__ >= 800 + 60",
                "#if __CUDA_ARCH__ >= 860 / 10 * 10",
                "#if 60 + __CUDA_ARCH__ >= 920",
                "#if __CUDA_ARCH__ >= 8'60",
                "#if __CUDA_ARCH__ >= 01534",
                'f("https://example.org", __CUDA_ARCH__);',
                "#ifdef __CUDA_ARCH_FEAT_SM90_ALL",
                'int n = __nvvm_reflect("__CUDA_ARCH");',
            )
        ),
    ],
)
def test_what_may_look_at_more_is_compiled_for_each_alone(tmp_path: Path, files: Mapping[str, str]) -> None:
    assert ALL[1] in unit_of(tmp_path, files).argv


@pytest.mark.parametrize(
    "text",
    [
        "#if __CUDA_ARCH__ >= 860\n",
        'char* all = "csrc/*.cu";\n#if __CUDA_ARCH__ >= 860\n#endif\n/* behind */',
        'char* all = R"(/*)";\n#if __CUDA_ARCH__ >= 860\n#endif\n/* behind */',
        "char quote = '\"';\n#if __CUDA_ARCH__ >= 860 // '\"'\n",
        "#if __CUDA_\\\nARCH__ >= 860\n",
        "#if X || (__CUDA_ARCH__ /* or newer */ >= 860) // enough\n",
    ],
)
def test_a_number_between_two_of_a_family_keeps_them_apart(tmp_path: Path, text: str) -> None:
    unit = unit_of(tmp_path, {"csrc/a.cu": f"{text}#endif\n"})
    words = [word for word in unit.argv if "gencode" in word]
    assert words[:2] == [ALL[0], "-gencode=arch=compute_86,code=[sm_86,sm_89]"]


def test_the_host_compiler_is_left_alone(tmp_path: Path) -> None:
    assert ALL[1] in unit_of(tmp_path, {"csrc/a.cu": ""}, compiler="g++").argv


def test_both_spellings_are_joined_and_others_kept() -> None:
    apart = (
        "nvcc",
        "-gencode",
        "arch=compute_80,code=sm_80",
        "-O3",
        "--generate-code",
        "arch=compute_86,code=sm_86",
        "-c",
    )
    assert joined(apart, (), [[80, 86]]) == ("nvcc", "-gencode=arch=compute_80,code=[sm_80,sm_86]", "-O3", "-c")
    special = (
        "nvcc",
        "-gencode=arch=compute_90a,code=sm_90a",
        "-gencode=arch=compute_80,code=compute_80",
        "-arch=sm_86",
    )
    assert joined(special, (), [[80, 86, 90]]) == special
