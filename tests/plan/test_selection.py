"""Selectors take what people type, and an empty selection says why it is empty."""

from __future__ import annotations

from typing import Any

import pytest

from scripts.errors import InputError, NothingToDoError
from scripts.plan.selected_plan import select
from scripts.plan.selection import Selection
from tests.plan.factories import make_plan, make_target

PLAN = make_plan(
    [
        make_target(deepspeed="0.16.4", torch="2.4.1", cuda="cu121"),
        make_target(deepspeed="0.16.9", torch="2.4.1", cuda="cu121", platform="win_amd64"),
        make_target(deepspeed="0.16.10", torch="2.10.0", python="3.9"),
        make_target(deepspeed="0.19.8", torch="2.10.0", python="3.13t"),
    ],
    omitted=[make_target(deepspeed="0.19.8", torch="2.4.1"), make_target(deepspeed="0.19.8", cuda="cu121")],
)


def chosen(**selectors: str | tuple[str, ...]) -> list[str]:
    typed = {name: (value,) if isinstance(value, str) else value for name, value in selectors.items()}
    return [planned.target.deepspeed for planned in select(PLAN, Selection(**typed)).targets]


@pytest.mark.parametrize(
    ("selectors", "expected"),
    [
        ({"torch": "2.4"}, ["0.16.4", "0.16.9"]),
        ({"torch": "2.10.0"}, ["0.16.10", "0.19.8"]),
        ({"cuda": "12.1"}, ["0.16.4", "0.16.9"]),
        ({"cuda": "cu121"}, ["0.16.4", "0.16.9"]),
        ({"cuda": "12.1.1"}, ["0.16.4", "0.16.9"]),
        ({"cuda": "CPU"}, ["0.16.10", "0.19.8"]),
        ({"py": "cp39"}, ["0.16.10"]),
        ({"py": "3.13t"}, ["0.19.8"]),
        ({"py": "cp313t"}, ["0.19.8"]),
        ({"deepspeed": "0.16"}, ["0.16.10"]),
        ({"deepspeed": "0.16.4"}, ["0.16.4"]),
        ({"platform": "windows"}, ["0.16.9"]),
        ({"platform": "win_amd64"}, ["0.16.9"]),
        ({"platform": "linux", "cuda": "cu121"}, ["0.16.4"]),
        ({"deepspeed": "0.16.4,0.16.9"}, ["0.16.4", "0.16.9"]),
        ({"deepspeed": ("0.16.4", "0.19")}, ["0.16.4", "0.19.8"]),
        ({"id": "*-win_amd64"}, ["0.16.9"]),
        ({"id": ("ds0.16.4-*", "*cp313t*")}, ["0.16.4", "0.19.8"]),
        ({}, ["0.16.4", "0.16.9", "0.16.10", "0.19.8"]),
    ],
)
def test_selectors_take_what_people_type(selectors: dict[str, Any], expected: list[str]) -> None:
    assert chosen(**selectors) == expected


def test_what_was_left_out_is_selected_too() -> None:
    plan = select(PLAN, Selection(cuda=("cu121",)))
    assert [omission.target.deepspeed for omission in plan.omitted] == ["0.19.8"]


@pytest.mark.parametrize(
    ("selectors", "message"),
    [
        ({"torch": "2.99"}, "--torch '2.99' is not in the matrix; it has 2.4.1, 2.10.0, 2.13.0"),
        ({"torch": "2.4.0"}, "it has 2.4.1"),
        ({"py": "snake"}, "it has 3.9, 3.11, 3.13t"),
        ({"cuda": "99"}, "it has cpu, cu121"),
        ({"deepspeed": "0.1"}, "it has 0.16.4, 0.16.9, 0.16.10, 0.19.8"),
        ({"platform": "mac"}, "it has linux_x86_64, win_amd64"),
    ],
)
def test_an_unknown_value_is_refused_with_the_known_ones(selectors: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        chosen(**selectors)


def test_a_cell_that_was_left_out_says_why() -> None:
    with pytest.raises(NothingToDoError) as caught:
        chosen(deepspeed="0.19.8", torch="2.4")
    told = str(caught.value)
    assert "ds0.19.8-torch2.4.1-cpu-cp311-linux_x86_64 is left out" in told
    assert "no-wheel: There is none." in told


def test_several_cells_that_were_left_out_say_each_reason_once() -> None:
    with pytest.raises(NothingToDoError, match=r"the 2 cells of --py 3\.11 --deepspeed 0\.19\.8 are") as caught:
        chosen(deepspeed="0.19.8", py="3.11")
    assert str(caught.value).count("There is none.") == 1


def test_an_id_that_is_not_there_names_the_nearest() -> None:
    with pytest.raises(NothingToDoError, match=r"such as ds0\.16\.9-torch2\.4\.1-cu121-cp311-win_amd64"):
        chosen(id="ds0.16.9-torch2.4.1-cu121-cp311-win_arm64")


def test_an_empty_selection_knows_that_it_is() -> None:
    assert Selection().is_empty
    assert not Selection(id=("*",)).is_empty
