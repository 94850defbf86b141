"""What an op is compiled from in a release, read out of the listing that follows the releases."""

from __future__ import annotations

import pytest

from scripts.errors import DataError
from scripts.facts.load import load_facts
from scripts.facts.unit_histories import (
    REACHES,
    ListedUnit,
    Units,
    load_unit_histories,
    read_unit_histories,
    unit_histories_text,
    units_of,
)
from scripts.plan.matrix import load_matrix
from scripts.plan.ops import available_ops
from tests.plan.factories import ROOT, make_target

KIND = ("cuda", "fused_adam")
FRONT = ListedUnit(source="front.cpp", reach="python", digest="aa")
KERNEL, CHANGED = (ListedUnit(source="kernel.cu", reach="torch", digest=digest) for digest in ("bb", "cc"))


def test_a_listing_says_since_when_a_unit_is_as_it_is_and_when_it_went() -> None:
    releases: dict[str, Units] = {
        "0.9.0": {KIND: (FRONT, KERNEL)},
        "0.10.0": {KIND: (FRONT, CHANGED)},
        "0.10.1": {KIND: (FRONT, CHANGED)},
        "0.11.0": {KIND: (FRONT,)},
    }
    lines = unit_histories_text(releases).splitlines()
    assert [line for line in lines if not line.startswith("#")] == [
        "cuda fused_adam front.cpp 0.9.0=python:aa",
        "cuda fused_adam kernel.cu 0.9.0=torch:bb 0.10.0=torch:cc 0.11.0=-",
    ]
    found = read_unit_histories("\n".join(lines))[KIND]
    assert found["kernel.cu"] == (("0.9.0", KERNEL), ("0.10.0", CHANGED), ("0.11.0", None))


@pytest.mark.parametrize("line", ["cuda", "cuda op a.cu 0.1=far:aa", "cuda op a.cu 0.1=torch:", "cuda op a.cu x=-"])
def test_a_line_that_says_nothing_is_told_with_its_number(line: str) -> None:
    with pytest.raises(DataError, match=r"units\.txt:2: "):
        read_unit_histories(f"# head\n{line}\n")


def test_every_op_of_the_matrix_that_is_built_is_listed() -> None:
    """Else its release was added without `python -m scripts.commands.unit_list`."""
    facts = load_facts()
    for deepspeed in load_matrix(ROOT / "matrix.yaml", facts).deepspeed:
        for cuda in ("cpu", "cu124"):
            target = make_target(deepspeed=deepspeed, cuda=cuda)
            for op in available_ops(facts.ops, target):
                assert op.left_out or units_of(target.accelerator, op.name, deepspeed), (target.id, op.name)


def test_of_the_kernels_for_cuda_one_reaches_python_and_half_of_the_others_torch() -> None:
    """As `g++ -M` and nvcc say of the units of 0.19.8."""
    ops = {op for accelerator, op in load_unit_histories() if accelerator == "cuda"}
    kernels = [unit for op in ops for unit in units_of("cuda", op, "0.19.8") if unit.is_nvcc]
    assert [sum(unit.reach == reach for unit in kernels) for reach in REACHES] == [1, 0, 21, 0, 20]
