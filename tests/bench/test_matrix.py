"""The model of what sharing spares counts each unit once for all that it is the same for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.matrix import model
from scripts.facts.load import load_facts
from scripts.facts.unit_histories import units_of
from scripts.plan.forecast import Forecast
from tests.plan.factories import make_matrix, make_target

FORECAST = Forecast(facts=load_facts(), settings=make_matrix().forecast, measured={}, ops="all")
TARGET = make_target(cuda="cu130")


def test_one_target_shares_nothing() -> None:
    hours = model([TARGET], FORECAST)
    assert len({round(each, 6) for each in hours.values()}) == 1
    assert set(hours) > {"target by target"}


def test_another_python_compiles_no_op_of_the_first_and_only_the_units_that_reach_it() -> None:
    alone, ops, within, everywhere = model([TARGET, replace(TARGET, python="3.12")], FORECAST).values()
    once = model([TARGET], FORECAST)["target by target"]
    assert [alone, ops] == pytest.approx([2 * once, 2 * once])
    assert once < within < 1.5 * once
    assert everywhere == pytest.approx(within)


def test_another_torch_shares_units_everywhere_alone() -> None:
    other = replace(TARGET, torch="2.14.1")
    alone, ops, within, everywhere = model([TARGET, other], FORECAST).values()
    assert [ops, within] == pytest.approx([alone, alone])
    assert everywhere < within


def test_a_release_that_changed_no_unit_of_an_op_shares_the_op() -> None:
    forecast = Forecast(facts=load_facts(), settings=make_matrix().forecast, measured={}, ops=("fused_adam",))
    before = replace(TARGET, deepspeed="0.19.7")
    assert units_of("cuda", "fused_adam", "0.19.7") == units_of("cuda", "fused_adam", "0.19.8")
    alone, *shared = model([TARGET, before], forecast).values()
    assert shared == pytest.approx([alone / 2] * 3)
