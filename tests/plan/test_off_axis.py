"""What is asked for and is on no axis has a reason: of a row, or of the rules that refuse all of it."""

from __future__ import annotations

import pytest

from scripts.errors import InputError
from scripts.facts.absent_values import AbsentValue
from scripts.facts.load import load_facts
from scripts.plan.matrix import load_matrix
from scripts.plan.off_axis import why_never, why_off_axis
from scripts.plan.selected_plan import plan_of
from scripts.plan.selection import Selection
from tests.plan.factories import ROOT, make_facts, make_matrix, make_rule

FACTS = load_facts()
MATRIX = load_matrix(ROOT / "matrix.yaml", FACTS)


@pytest.mark.parametrize(
    ("axis", "value", "reason"),
    [
        ("python", "3.14t", "turns the lock back on (rule free-threaded)"),
        ("python", "3.16", "No wheel of this torch was published for this Python on this system (rule torch-python)"),
        ("cuda", "cu125", "no wheel of this torch for this CUDA variant (rule torch-cuda-variant)"),
        ("cuda", "rocm6.2", "No wheels are made for ROCm"),
        ("platform", "linux_aarch64", "64-bit Arm yet"),
        ("platform", "win_arm64", "64-bit Arm yet"),
        ("platform", "macosx_14_0_arm64", "planned for macOS"),
        ("platform", "musllinux_1_2_x86_64", "torch has no wheels for musl"),
    ],
)
def test_a_value_off_its_axis_has_its_reason(axis: str, value: str, reason: str) -> None:
    assert reason in (why_off_axis(axis, value, MATRIX, FACTS) or "")


@pytest.mark.parametrize(
    ("axis", "value"),
    [
        ("python", "3.99"),
        ("python", "snake"),
        ("cuda", "blue"),
        ("platform", "plan9"),
        ("torch", "2.99"),
        ("deepspeed", "x"),
    ],
)
def test_of_what_nobody_knows_nothing_is_said(axis: str, value: str) -> None:
    assert why_off_axis(axis, value, MATRIX, FACTS) is None


def test_what_could_exist_and_is_not_wanted_has_no_reason_but_the_matrix() -> None:
    assert why_off_axis("python", "3.12", make_matrix(), make_facts()) is None


def test_a_rule_about_the_value_comes_before_those_about_combinations() -> None:
    pair, own = make_rule("pair", torch=">=2", python="3.12"), make_rule("own", python="3.12")
    assert why_off_axis("python", "3.12", make_matrix(), make_facts([pair])) == "because of pair (rule pair)"
    assert why_off_axis("python", "3.12", make_matrix(), make_facts([pair, own])) == "because of own (rule own)"


@pytest.mark.parametrize("row", FACTS.off_axis, ids=lambda row: f"{row.axis} {row.values[0]}")
def test_every_row_answers_for_each_of_its_values(row: AbsentValue) -> None:
    for value in row.values:
        assert why_never(row.axis, value.replace("*", ""), FACTS) == row.reason
    assert not any(why_never(axis, name, FACTS) for axis in ("platform", "cuda") for name in getattr(MATRIX, axis))


def test_a_selector_says_the_reason_and_what_there_is() -> None:
    with pytest.raises(
        InputError, match=r"(?s)'3\.14t' .* free-threaded\); Python 3\.14 has targets; it has 3\.9, "
    ) as told:
        plan_of(MATRIX, FACTS, Selection(py=("3.14t",)))
    assert told.value.id == "value-not-in-matrix"
    with pytest.raises(InputError, match=r"64-bit Arm yet.*; it has linux_x86_64, win_amd64"):
        plan_of(MATRIX, FACTS, Selection(platform=("linux_aarch64",)))
