"""What a build would run, for every cell: on Linux the lines for Windows are as exact as they are there.

Golden files: one per family of Windows cells. After a change that is meant, write them anew with

    python -m tests.wheel_build.test_preview
"""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.dirs import CHECKOUT, Places
from scripts.facts.load import load_facts
from scripts.plan.expand import expand
from scripts.plan.matrix import load_matrix
from scripts.plan.target import Target, parse_id
from scripts.toolchain.gates import require_gates
from scripts.wheel_build.build_options import BuildOptions
from scripts.wheel_build.pipeline import Builder
from scripts.wheel_build.preview import Preview, layout_elsewhere, planned_context, preview

GOLDEN = Path(__file__).parent / "golden"
FACTS = load_facts()
MATRIX = load_matrix(CHECKOUT / "matrix.yaml", FACTS)
PLACES = Places(cache=Path("cache"), wheelhouse=Path("wheels"), logs=Path("logs"))
BUILDER = Builder(facts=FACTS, matrix=MATRIX, places=PLACES, options=BuildOptions())
FAMILIES = {
    "cu118-toolset-14.29": "ds0.16.5-torch2.6.0-cu118-cp311-win_amd64",
    "cu124-toolset-14.44": "ds0.16.5-torch2.6.0-cu124-cp311-win_amd64",
    "cu128": "ds0.18.9-torch2.8.0-cu128-cp312-win_amd64",
    "cu130-use-cuda": "ds0.19.8-torch2.11.0-cu130-cp311-win_amd64",
    "cu132-zc-preprocessor": "ds0.19.8-torch2.13.0-cu132-cp313-win_amd64",
    "cpu": "ds0.19.8-torch2.13.0-cpu-cp311-win_amd64",
}
CELLS = [planned.target for planned in expand(MATRIX, FACTS).targets]


def look_ahead(target: Target) -> Preview:
    return preview(BUILDER, target, layout_elsewhere(target, FACTS))


def golden_text(name: str) -> str:
    return look_ahead(parse_id(name)).as_script().replace(" && ", " &&\n  ") + "\n"


@pytest.mark.parametrize("family", FAMILIES)
def test_the_lines_of_a_family_are_those_of_its_golden_file(family: str) -> None:
    assert golden_text(FAMILIES[family]) == (GOLDEN / f"{family}.txt").read_text(encoding="utf-8")


def test_every_family_is_a_cell_of_the_matrix() -> None:
    assert set(FAMILIES.values()) <= {target.id for target in CELLS}


def test_every_cell_of_the_matrix_can_be_looked_at_and_passes_the_gates_with_what_the_facts_name() -> None:
    for target in CELLS:
        seen = look_ahead(target)
        assert seen.ops, target.id
        require_gates(target, FACTS, planned_context(target, FACTS, MATRIX.context_of(target, FACTS)))
        if target.cuda_version:
            assert seen.environment["TORCH_CUDA_ARCH_LIST"] == MATRIX.arches[target.cuda]


def test_the_toolset_that_old_compilers_need_is_the_one_that_is_activated() -> None:
    for target in CELLS:
        if target.system == "windows" and target.cuda_version:
            wanted = "14.29" if target.cuda in ("cu118", "cu121") else "14.44"
            calls = [command.argv[-1] for command in look_ahead(target).commands if command.argv[0] == "call"]
            assert calls == [f"-vcvars_ver={wanted}"], target.id


def test_a_path_with_a_variable_is_quoted_since_it_may_hold_blanks() -> None:
    lines = look_ahead(parse_id(FAMILIES["cu124-toolset-14.44"])).as_script().splitlines()
    assert lines[-1].startswith('cd /d "%LOCALAPPDATA%')
    assert ' "%CHECKOUT%\\scripts\\wheel_build\\inside\\upstream.py" ' in lines[-1]


def test_a_program_gets_the_same_as_values() -> None:
    document = look_ahead(parse_id(FAMILIES["cu130-use-cuda"])).as_document()
    assert document["environment"]["NVCC_APPEND_FLAGS"] == "-DUSE_CUDA"
    assert document["toolchain"] == {"host compiler": "MSVC toolset 14.44", "CUDA toolkit": "13.0"}
    assert document["patches"] == ["P3", "P14"]
    assert "fused_adam" in document["ops"]
    assert "async_io" in document["left_out"]


if __name__ == "__main__":
    for family, name in FAMILIES.items():
        (GOLDEN / f"{family}.txt").write_text(golden_text(name), encoding="utf-8")
