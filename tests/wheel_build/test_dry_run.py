"""What a build would run, for every target: on Linux the lines for Windows are as exact as they are there.

Golden files: one per family of Windows targets. After a change that is meant, write them anew with

    python -m tests.wheel_build.test_dry_run
"""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.plan.expand import expand
from scripts.plan.target import Target, parse_id
from scripts.wheel_build.dry_run import DryRun
from scripts.wheel_build.layout import activate_command, layout_elsewhere
from tests.wheel_build.plans import FACTS, MATRIX, make_plan

GOLDEN = Path(__file__).parent / "golden"
FAMILIES = {
    "cu118-toolset-14.29": "ds0.16.5-torch2.6.0-cu118-cp311-win_amd64",
    "cu124-toolset-14.44": "ds0.16.5-torch2.6.0-cu124-cp311-win_amd64",
    "cu128": "ds0.18.9-torch2.8.0-cu128-cp312-win_amd64",
    "cu130-use-cuda": "ds0.19.8-torch2.11.0-cu130-cp311-win_amd64",
    "cu132-zc-preprocessor": "ds0.19.8-torch2.13.0-cu132-cp313-win_amd64",
    "cpu": "ds0.19.8-torch2.13.0-cpu-cp311-win_amd64",
}
TARGETS = [planned.target for planned in expand(MATRIX, FACTS).targets]


def look_ahead(target: Target) -> DryRun:
    plan = make_plan(target)
    return DryRun(plan=plan, layout=layout_elsewhere(plan))


def golden_text(name: str) -> str:
    return look_ahead(parse_id(name)).as_script().replace(" && ", " &&\n  ") + "\n"


@pytest.mark.parametrize("family", FAMILIES)
def test_the_lines_of_a_family_are_those_of_its_golden_file(family: str) -> None:
    assert golden_text(FAMILIES[family]) == (GOLDEN / f"{family}.txt").read_text(encoding="utf-8")


def test_every_family_is_a_target_of_the_matrix() -> None:
    assert set(FAMILIES.values()) <= {target.id for target in TARGETS}


def test_every_target_of_the_matrix_has_a_plan_and_passes_the_gates_with_the_toolchain_that_the_facts_name() -> None:
    for target in TARGETS:
        plan = make_plan(target)
        assert plan.ops.chosen, target.id
        if target.cuda_version:
            assert plan.variables["TORCH_CUDA_ARCH_LIST"] == MATRIX.arches[target.cuda]


def test_the_toolset_that_old_compilers_need_is_the_one_that_is_activated() -> None:
    for target in TARGETS:
        if target.system == "windows" and target.cuda_version:
            wanted = "14.29" if target.cuda in ("cu118", "cu121") else "14.44"
            activate = activate_command(make_plan(target))
            assert activate
            assert activate.argv[-1] == f"-vcvars_ver={wanted}", target.id


def test_a_path_with_a_variable_is_quoted_since_it_may_hold_blanks() -> None:
    (capture, package) = setup_lines(look_ahead(parse_id(FAMILIES["cu124-toolset-14.44"])))
    assert capture.startswith('cd /d "%LOCALAPPDATA%')
    assert ' "%CHECKOUT%\\scripts\\wheel_build\\inside\\upstream.py" ' in capture
    assert " && echo @package | " in package


def test_upstream_s_setup_py_is_called_twice_to_capture_and_to_package() -> None:
    for family in FAMILIES.values():
        (capture, package) = setup_lines(look_ahead(parse_id(family)))
        assert capture == package.replace("echo @package | ", "") + " < NUL"


def test_the_lines_for_linux_are_those_of_its_shell() -> None:
    lines = look_ahead(parse_id("ds0.19.8-torch2.13.0-cpu-cp311-linux_x86_64")).lines
    assert lines[0] == "export DEEPSPEED_WHEELS_CACHE=/var/tmp/deepspeed-wheels"
    assert lines[-1].startswith("cd /var/tmp/checkout && python -m scripts.commands.build_step file ")
    assert sum(line.endswith("< /dev/null") for line in lines) == 1


def setup_lines(found: DryRun) -> list[str]:
    return [line for line in found.lines if "upstream.py" in line]


def test_a_program_gets_the_same_as_values() -> None:
    document = look_ahead(parse_id(FAMILIES["cu130-use-cuda"])).as_document()
    assert document["environment"]["NVCC_APPEND_FLAGS"] == "-DUSE_CUDA -D_DISABLE_CONSTEXPR_MUTEX_CONSTRUCTOR"
    assert document["toolchain"] == {"host compiler": "MSVC toolset 14.44", "CUDA toolkit": "13.0"}
    assert document["patches"] == ["P3", "P4", "P14", "P15", "P16"]
    assert "fused_adam" in document["ops"]
    assert "async_io" in document["left_out"]


if __name__ == "__main__":
    for family, name in FAMILIES.items():
        (GOLDEN / f"{family}.txt").write_text(golden_text(name), encoding="utf-8")
