"""Selectors take what people type, and an empty selection says why it is empty."""

from __future__ import annotations

from typing import Any

import pytest

from scripts.errors import InputError, NothingToDoError
from scripts.plan.expand import Judge, Ruling, expand
from scripts.plan.selected_plan import plan_of
from scripts.plan.selection import Selection
from scripts.plan.target import Target
from tests.plan.factories import make_facts, make_matrix, make_rule

MATRIX = make_matrix(
    deepspeed=("0.16.4", "0.16.9", "0.19.8"),
    torch=("2.4", "2.10"),
    cuda=("cpu", "cu121"),
    python=("3.9", "3.11", "3.13t"),
    platform=("linux_x86_64", "win_amd64"),
    arches={"cu121": "8.0"},
)
FACTS = make_facts(
    [
        make_rule("no-wheel", deepspeed=">=0.19", torch="<2.5"),
        make_rule("no-cuda", cuda="cu121", torch=">=2.5"),
    ]
)


def chosen(**selectors: str | tuple[str, ...]) -> list[Target]:
    typed = {name: (value,) if isinstance(value, str) else value for name, value in selectors.items()}
    return [planned.target for planned in plan_of(MATRIX, FACTS, Selection(**typed)).targets]


@pytest.mark.parametrize(
    ("selectors", "axis", "values"),
    [
        ({"torch": "2.4"}, "torch", {"2.4.1"}),
        ({"torch": "2.4.0"}, "torch", {"2.4.1"}),
        ({"torch": "2.4.1+cu121"}, "torch", {"2.4.1"}),
        ({"torch": "2.10.0"}, "torch", {"2.10.0"}),
        ({"cuda": "12.1"}, "cuda", {"cu121"}),
        ({"cuda": "cu121"}, "cuda", {"cu121"}),
        ({"cuda": "12.1.1"}, "cuda", {"cu121"}),
        ({"cuda": "CPU"}, "cuda", {"cpu"}),
        ({"py": "cp39"}, "python", {"3.9"}),
        ({"py": "3.13t"}, "python", {"3.13t"}),
        ({"py": "cp313t"}, "python", {"3.13t"}),
        ({"deepspeed": "0.16"}, "deepspeed", {"0.16.9"}),
        ({"deepspeed": "0.16.4"}, "deepspeed", {"0.16.4"}),
        ({"platform": "windows"}, "platform", {"win_amd64"}),
        ({"platform": "win_amd64"}, "platform", {"win_amd64"}),
        ({"platform": "linux", "cuda": "cu121"}, "platform", {"linux_x86_64"}),
        ({"deepspeed": "0.16.4,0.16.9"}, "deepspeed", {"0.16.4", "0.16.9"}),
        ({"deepspeed": ("0.16.4", "0.19")}, "deepspeed", {"0.16.4", "0.19.8"}),
        ({"id": "*-win_amd64"}, "platform", {"win_amd64"}),
        ({"id": ("ds0.16.4-*", "*cp313t*")}, "deepspeed", {"0.16.4", "0.16.9", "0.19.8"}),
        ({}, "deepspeed", {"0.16.4", "0.16.9", "0.19.8"}),
    ],
)
def test_selectors_take_what_people_type(selectors: dict[str, Any], axis: str, values: set[str]) -> None:
    assert {getattr(target, axis) for target in chosen(**selectors)} == values


def test_a_selection_is_the_part_of_the_plan_that_it_means() -> None:
    """What is expanded for a selection alone is what the whole plan says of the same targets."""
    plan = expand(MATRIX, FACTS)
    one = plan.targets[3]
    found = plan_of(MATRIX, FACTS, Selection(id=(one.target.id,)))
    assert (found.targets, found.excluded) == ((one,), ())
    found = plan_of(MATRIX, FACTS, Selection(cuda=("cu121",), py=("3.11",)))
    fields = ("cu121", "3.11")
    assert found.targets == tuple(p for p in plan.targets if (p.target.cuda, p.target.python) == fields)
    assert found.excluded == tuple(e for e in plan.excluded if (e.target.cuda, e.target.python) == fields)
    assert found.excluded


def test_one_target_costs_one_combination(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: set[str] = set()
    first = Judge.first

    def counted(judge: Judge, target: Target) -> Ruling | None:
        asked.add(target.id)
        return first(judge, target)

    name = expand(MATRIX, FACTS).targets[0].target.id
    monkeypatch.setattr(Judge, "first", counted)
    plan_of(MATRIX, FACTS, Selection(id=(name,)))
    assert asked == {name}


@pytest.mark.parametrize(
    ("selectors", "message"),
    [
        ({"torch": "2.99"}, "--torch '2.99' is not in the matrix; it has 2.4.1, 2.10.0"),
        ({"torch": "2.4.9"}, "it has 2.4.1"),
        ({"py": "snake"}, "it has 3.9, 3.11, 3.13t"),
        ({"cuda": "99"}, "it has cpu, cu121"),
        ({"deepspeed": "0.1"}, "it has 0.16.4, 0.16.9, 0.19.8"),
        ({"platform": "mac"}, "it has linux_x86_64, win_amd64"),
    ],
)
def test_an_unknown_value_is_refused_with_the_known_ones(selectors: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        chosen(**selectors)


def test_a_target_that_is_excluded_says_why() -> None:
    with pytest.raises(NothingToDoError) as caught:
        chosen(deepspeed="0.19.8", torch="2.4", py="3.11", cuda="cpu", platform="linux")
    message = str(caught.value)
    assert "ds0.19.8-torch2.4.1-cpu-cp311-linux_x86_64 is excluded" in message
    assert "no-wheel: because of no-wheel" in message


def test_several_targets_that_are_excluded_say_each_reason_once() -> None:
    with pytest.raises(
        NothingToDoError, match=r"the 4 targets of --py 3\.11 --torch 2\.4 --deepspeed 0\.19\.8 are"
    ) as caught:
        chosen(deepspeed="0.19.8", py="3.11", torch="2.4")
    assert str(caught.value).count("because of") == 1


def test_an_id_that_is_not_there_names_the_nearest() -> None:
    with pytest.raises(NothingToDoError, match=r"such as .*ds0\.16\.9-torch2\.4\.1-cu121-cp311-win_amd64"):
        chosen(id="ds0.16.9-torch2.4.1-cu121-cp311-win_arm64")


def test_an_empty_selection_knows_that_it_is() -> None:
    assert Selection().is_empty
    assert not Selection(id=("*",)).is_empty
