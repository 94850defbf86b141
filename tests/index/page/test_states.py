"""A cell is excluded when we chose so and impossible when a fact says so; what the workflows tell is read strictly."""

from __future__ import annotations

import json

import pytest

from scripts.errors import DataError
from scripts.index.page.states import Build, excluded_state, read_builds, unpublished
from tests.index.page.factories import world
from tests.plan.factories import make_plan, make_target

ID = make_target().id


def test_every_excluded_target_of_the_real_plan_is_our_choice_or_a_fact() -> None:
    facts, matrix, plan = world()
    ours = {f"matrix:{row.id}" for row in matrix.exclude}
    rules = {rule.id for rule in facts.rules}
    found = {row.rule: excluded_state(row) for row in plan.excluded}
    assert {rule for rule, state in found.items() if state == "excluded"} <= ours
    assert {rule for rule, state in found.items() if state == "impossible"} <= rules
    assert set(found.values()) == {"excluded", "impossible"}


def test_an_exclusion_by_a_rule_of_the_facts_is_impossible() -> None:
    [row] = make_plan(excluded=[make_target()]).excluded
    assert excluded_state(row) == "impossible"


def test_builds_are_read_with_what_may_be_absent() -> None:
    content = json.dumps({ID: {"state": "failed", "message": "out of memory", "url": "https://ci.example/run/1"}})
    assert read_builds(content, "builds.json") == {
        ID: Build(state="failed", message="out of memory", url="https://ci.example/run/1")
    }
    assert read_builds(json.dumps({ID: {"state": "building"}}), "builds.json") == {ID: Build(state="building")}


def test_every_fault_of_the_builds_is_named_at_its_key() -> None:
    content = json.dumps(
        {"half an id": {"state": "building"}, ID: {"state": "resting", "url": "javascript:alert(1)", "colour": "red"}}
    )
    with pytest.raises(DataError) as caught:
        read_builds(content, "builds.json")
    said = str(caught.value)
    for part in ("half an id", "resting", "javascript:alert(1)", "colour"):
        assert part in said
    with pytest.raises(DataError):
        read_builds("{not JSON", "builds.json")


def test_a_published_wheel_is_not_told_to_have_failed_later() -> None:
    other = make_target(python="3.12")
    builds = {ID: Build(state="failed"), other.id: Build(state="building")}
    assert unpublished(builds, [make_target()]) == {other: Build(state="building")}


def test_a_wheel_for_another_patch_release_of_torch_is_the_wheel_of_the_cell() -> None:
    old, new = make_target(torch="2.9.0"), make_target(torch="2.9.1")
    assert old.wheel_name == new.wheel_name
    assert unpublished({new.id: Build(state="failed")}, [old]) == {}
