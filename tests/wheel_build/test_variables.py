"""The environment of a build comes from rows, and each target gets the rows that are meant for it."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest

from scripts.command import ask
from scripts.plan.ops import choose_ops
from scripts.plan.target import parse_id
from scripts.toolchain.compilers import expected_toolchain
from scripts.wheel_build.build_options import BuildOptions
from scripts.wheel_build.build_plan import make_build_plan
from scripts.wheel_build.variables import fill_variables, joined_with, op_variables, read_by_compilers
from tests.wheel_build.plans import FACTS, MATRIX, make_plan


def variables(name: str) -> dict[str, str]:
    target = parse_id(name)
    context = MATRIX.context_of(target, FACTS)
    arches = MATRIX.arches.get(target.cuda)
    return fill_variables(FACTS.variables, target, context, arches)


def test_a_windows_cuda_build_is_told_everything_that_a_machine_without_a_gpu_would_get_wrong() -> None:
    assert variables("ds0.16.5-torch2.6.0-cu124-cp311-win_amd64") == {
        "DS_ACCELERATOR": "cuda",
        "DS_BUILD_OPS": "0",
        "DS_BUILD_STRING": "+cu124torch2.6",
        "DS_NVCC_THREADS": "1",
        "TORCH_CUDA_ARCH_LIST": MATRIX.arches["cu124"],
        "CUDA_HOME": "{toolkit}",
        "CUDA_PATH": "{toolkit}",
        "DISTUTILS_USE_SDK": "1",
        "VSLANG": "1033",
    }


@pytest.mark.parametrize(
    ("name", "nvcc", "cl"),
    [
        ("ds0.16.5-torch2.6.0-cu124-cp311-win_amd64", None, None),
        ("ds0.19.8-torch2.11.0-cu130-cp311-win_amd64", "-DUSE_CUDA", "/DUSE_CUDA"),
        (
            "ds0.19.8-torch2.13.0-cu132-cp311-win_amd64",
            "-DUSE_CUDA -Xcompiler=/Zc:preprocessor",
            "/DUSE_CUDA /Zc:preprocessor",
        ),
        ("ds0.19.8-torch2.13.0-cu132-cp311-linux_x86_64", None, None),
    ],
)
def test_flags_that_only_some_targets_need_are_joined(name: str, nvcc: str | None, cl: str | None) -> None:
    found = variables(name)
    assert (found.get("NVCC_APPEND_FLAGS"), found.get("CL")) == (nvcc, cl)


def test_a_cpu_build_hears_nothing_of_cuda() -> None:
    found = variables("ds0.19.8-torch2.13.0-cpu-cp311-linux_x86_64")
    assert found == {
        "DS_ACCELERATOR": "cpu",
        "DS_BUILD_OPS": "0",
        "DS_BUILD_STRING": "+cputorch2.13",
        "TORCH_NO_COMPILER_WRAPPER": "1",
        "LC_ALL": "C",
    }


def test_the_chosen_ops_and_no_others_are_switched_on() -> None:
    target = parse_id("ds0.16.5-torch2.6.0-cu124-cp311-win_amd64")
    selection = choose_ops(FACTS.ops, target, ("fused_adam", "cpu_adam"))
    assert op_variables(selection) == {"DS_BUILD_FUSED_ADAM": "1", "DS_BUILD_CPU_ADAM": "1"}


def test_only_what_the_compilers_read_is_part_of_a_binary_s_identity() -> None:
    plan = make_plan(parse_id("ds0.19.8-torch2.13.0-cu132-cp311-win_amd64"))
    assert read_by_compilers(plan.compiler_variables, plan.variables, {}).keys() == {"NVCC_APPEND_FLAGS", "CL"}


@pytest.mark.parametrize(("cuda", "told"), [("cu118", False), ("cu124", True), ("cpu", True)])
def test_a_mutex_of_a_newer_toolset_is_locked_by_an_older_runtime_library_too(cuda: str, told: bool) -> None:
    plan = make_plan(parse_id(f"ds0.16.5-torch2.6.0-{cuda}-cp311-win_amd64"))  # cu118 takes 14.29, the others 14.44
    assert ("_DISABLE_CONSTEXPR_MUTEX_CONSTRUCTOR" in plan.variables.get("CL", "")) is told
    assert ("_DISABLE_CONSTEXPR_MUTEX_CONSTRUCTOR" in plan.variables.get("NVCC_APPEND_FLAGS", "")) is (cuda == "cu124")


def test_what_a_person_told_the_compilers_is_part_of_it_too() -> None:
    plan = make_plan(parse_id("ds0.16.5-torch2.6.0-cu118-cp311-win_amd64"))
    own = {"CL": "/arch:AVX512", "NVCC_PREPEND_FLAGS": "-ccbin g++-12", "CPATH": "", "HOME": "/root"}
    read = read_by_compilers(plan.compiler_variables, plan.variables, own)
    assert read == {"CL": "/arch:AVX512", "NVCC_PREPEND_FLAGS": "-ccbin g++-12"}


# What the nvcc.profile of CUDA 13.0 adds to, with `NAME += ...`: nvcc begins with what the variable holds.
PROFILE = ("INCLUDES", "SYSTEM_INCLUDES", "LIBRARIES", "CUDAFE_FLAGS", "PTXAS_FLAGS")


@pytest.mark.parametrize("name", [*PROFILE, "GCC_EXEC_PREFIX", "COMPILER_PATH", "SOURCE_DATE_EPOCH"])
def test_what_nvcc_and_gcc_take_from_the_environment_without_being_told_is_part_of_it(name: str) -> None:
    assert name in make_plan(parse_id("ds0.16.5-torch2.6.0-cu124-cp311-linux_x86_64")).compiler_variables


@pytest.mark.skipif(not shutil.which("nvcc"), reason="nvcc")
def test_the_profile_of_this_nvcc_adds_to_nothing_else() -> None:
    answer = ask(
        ["nvcc", "--dryrun", "-c", "none.cu"], env={**os.environ, **{name: f"-DOF_{name}" for name in PROFILE}}
    )
    root = re.search(r"^#\$ TOP=(.*)$", answer.errors, re.MULTILINE)
    assert root
    profile = (Path(root[1]) / "bin/nvcc.profile").read_text()
    added_to = set(re.findall(r"^(\w+)\s*(?:\+=|=\+)", profile, re.MULTILINE))
    assert added_to - {"PATH", "LD_LIBRARY_PATH"} == {*PROFILE}
    assert {name for name in PROFILE if f"-DOF_{name}" in answer.errors} >= {"INCLUDES", "PTXAS_FLAGS"}


@pytest.mark.parametrize(
    ("own", "cl", "nvcc"),
    [
        ({}, "/DUSE_CUDA /Zc:preprocessor", "-DUSE_CUDA -Xcompiler=/Zc:preprocessor"),
        ({"CL": "/W0 /DX"}, "/DUSE_CUDA /Zc:preprocessor /W0 /DX", "-DUSE_CUDA -Xcompiler=/Zc:preprocessor"),
        ({"NVCC_APPEND_FLAGS": "-w"}, "/DUSE_CUDA /Zc:preprocessor", "-DUSE_CUDA -Xcompiler=/Zc:preprocessor -w"),
        (
            {"CL": "/O1 /DUSE_CUDA /Zc:preprocessor"},
            "/O1 /DUSE_CUDA /Zc:preprocessor",
            "-DUSE_CUDA -Xcompiler=/Zc:preprocessor",
        ),
        (
            {"CUDA_HOME": "/elsewhere", "_CL_": "/W4"},
            "/DUSE_CUDA /Zc:preprocessor",
            "-DUSE_CUDA -Xcompiler=/Zc:preprocessor",
        ),
    ],
)
def test_flags_of_whoever_builds_stand_behind_ours(own: dict[str, str], cl: str, nvcc: str) -> None:
    """A variable that points somewhere is ours alone."""
    target = parse_id("ds0.19.8-torch2.13.0-cu132-cp311-win_amd64")
    plan = make_plan(target)
    rows = fill_variables(FACTS.variables, target, {**plan.context, "toolset": "14.39"}, plan.arches)
    found = joined_with(rows, {"CL", "NVCC_APPEND_FLAGS"}, own)
    assert (found["CL"], found["NVCC_APPEND_FLAGS"], found["CUDA_HOME"]) == (cl, nvcc, "{toolkit}")


def test_the_build_of_this_machine_keeps_the_flags_of_whoever_builds() -> None:
    target = parse_id("ds0.19.8-torch2.13.0-cu132-cp311-win_amd64")
    toolchain = expected_toolchain(target, FACTS)
    plan = make_build_plan(target, FACTS, MATRIX, BuildOptions(), toolchain, {"CL": "/W0", "CUDA_HOME": "/x"})
    assert plan.variables["CL"].endswith(" /W0")
    assert plan.variables["CL"].startswith("/DUSE_CUDA ")
    assert read_by_compilers(plan.compiler_variables, plan.variables, {})["CL"].endswith(" /W0")  # of an op's key


def test_every_row_holds_for_some_target_of_the_matrix() -> None:
    names = ["ds0.19.8-torch2.13.0-cu132-cp311-win_amd64", "ds0.19.8-torch2.13.0-cpu-cp311-linux_x86_64"]
    contexts = [{**MATRIX.context_of(parse_id(name), FACTS), "toolset": "14.44"} for name in names]
    assert [row.name for row in FACTS.variables if not any(row.when.holds(context) for context in contexts)] == []
