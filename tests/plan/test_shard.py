"""Parts of a plan: together they are the plan, and they stay where they are."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.errors import InputError
from scripts.plan.expand import Plan
from scripts.plan.shard import part_of, parts_needed, shard, shard_of, split
from tests.plan.factories import make_plan, make_target

names = st.lists(st.integers(0, 10_000), unique=True, max_size=60)


def plan_of(numbers: list[int]) -> Plan:
    targets = [make_target(deepspeed=f"1.{number}") for number in numbers]
    return make_plan(targets[::2], targets[1::2])


@given(names, st.integers(1, 9))
def test_the_union_of_the_shards_is_the_plan(numbers: list[int], count: int) -> None:
    plan = plan_of(numbers)
    shards = [shard(plan, index, count) for index in range(1, count + 1)]
    targets = [planned for each in shards for planned in each.targets]
    excluded = [row for each in shards for row in each.excluded]
    assert sorted(targets, key=lambda each: each.target.id) == sorted(plan.targets, key=lambda each: each.target.id)
    assert len(excluded) == len(plan.excluded)
    assert set(excluded) == set(plan.excluded)


@given(names, st.integers(1, 9))
def test_a_split_never_exceeds_the_jobs_and_loses_nothing(numbers: list[int], max_jobs: int) -> None:
    plan = plan_of(numbers)
    parts = split(plan, max_jobs)
    assert all(len(part.targets) <= max_jobs for part in parts)
    assert {planned for part in parts for planned in part.targets} == set(plan.targets)


@given(names, st.integers(1, 9), st.integers(0, 10_000))
def test_a_new_target_moves_no_other(numbers: list[int], count: int, new: int) -> None:
    before = plan_of(numbers)
    after = make_plan([*(planned.target for planned in before.targets), make_target(deepspeed=f"2.{new}")])
    for index in range(1, count + 1):
        kept = {planned.target for planned in shard(before, index, count).targets}
        assert kept <= {planned.target for planned in shard(after, index, count).targets}


def test_one_part_more_moves_only_what_goes_there() -> None:
    ids = [f"target {number}" for number in range(2000)]
    moved = [name for name in ids if part_of(name, 10) != part_of(name, 11)]
    assert all(part_of(name, 11) == 10 for name in moved)
    assert len(moved) < 2 * len(ids) / 11


@cache
def large() -> Plan:
    return make_plan([make_target(deepspeed=f"1.{number}") for number in range(600)])


def test_a_shard_is_asked_for_by_its_number() -> None:
    plan = large()
    assert shard_of(plan, "2/5") == shard(plan, 2, 5)
    assert shard_of(plan, "2", max_jobs=256) == split(plan, 256)[1]
    assert shard_of(plan, "") == plan
    assert shard_of(plan, "", max_jobs=600) == plan


@pytest.mark.parametrize(
    ("text", "max_jobs", "message"),
    [
        ("0/5", 0, "from 1 to the second"),
        ("6/5", 0, "from 1 to the second"),
        ("2", 0, "write I/N"),
        ("a/b", 0, "write I/N"),
        ("", 256, "600 targets need 3 parts; ask for --shard 1/3"),
        ("1/2", 256, "3 parts hold 256 at most"),
        ("1/2", -1, "give a number from 1"),
    ],
)
def test_a_shard_that_cannot_be_is_refused(text: str, max_jobs: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        shard_of(large(), text, max_jobs)


def test_an_empty_plan_is_one_part() -> None:
    assert parts_needed(make_plan()) == 1
    assert split(make_plan()) == (make_plan(),)
