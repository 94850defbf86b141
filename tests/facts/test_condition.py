"""Conditions: what holds, what waits for a name, and what is refused at the door."""

from __future__ import annotations

import pytest

from scripts.facts.condition import Condition, in_range, parse_condition
from scripts.schema.readers import Problems

CONTEXT: dict[str, str | bool] = {
    "os": "windows",
    "accelerator": "cuda",
    "cuda": "cu130",
    "cuda-version": "13.0",
    "cuda-major": "13",
    "torch": "2.10.0",
    "deepspeed": "0.16.5",
    "python": "3.11",
    "free-threaded": False,
}


def condition(when: object) -> Condition:
    problems = Problems()
    parsed = parse_condition(when, "rules.yaml: rules[0].when", problems)
    assert problems == []
    return parsed


@pytest.mark.parametrize(
    "when",
    [
        {"os": "windows"},
        {"os": ["linux", "windows"]},
        {"torch": ">=2.9"},  # as text, 2.10.0 sorts before 2.9
        {"torch": ["<2.2", ">=2.10,<2.11"]},
        {"torch": "==2.10.*"},
        {"python": "3.11"},
        {"cuda-version": "13.0"},
        {"free-threaded": False},
        {"any": [{"os": "linux"}, {"cuda-major": "13"}]},
        {"os": "windows", "not": {"deepspeed": ">=0.18.5"}},
        {},
    ],
)
def test_a_condition_holds_when_all_its_entries_do(when: object) -> None:
    assert condition(when).holds(CONTEXT)


@pytest.mark.parametrize(
    "when",
    [
        {"os": "linux"},
        {"os": "windows", "torch": "<2.9"},
        {"free-threaded": True},
        {"any": [{"os": "linux"}, {"cuda-major": "12"}]},
        {"not": {"os": "windows"}},
        {"os": "windows", "any": [{"not": {"os": "windows"}}, {"torch": "2.6.0"}]},
    ],
)
def test_a_condition_fails_when_one_entry_does(when: object) -> None:
    assert not condition(when).holds(CONTEXT)


@pytest.mark.parametrize(
    "when", [{"arch": "<7.5"}, {"not": {"arch": ">=7.5"}}, {"any": [{"os": "windows"}, {"arch": "<7.5"}]}]
)
def test_a_condition_waits_until_the_target_has_every_name(when: object) -> None:
    assert "arch" in condition(when).names
    assert not condition(when).holds(CONTEXT)
    assert condition(when).holds({**CONTEXT, "arch": "7.0"})


def test_versions_of_a_cpu_target_are_in_no_range() -> None:
    assert not condition({"cuda-version": "<=13.1"}).holds({**CONTEXT, "cuda-version": "cpu"})


@pytest.mark.parametrize(("specifier", "version"), [(">=3.13", "3.13t"), ("==9.0", "9.0a"), (">=13.0", "13.0.2")])
def test_suffixes_of_pythons_and_architectures_compare_as_their_version(specifier: str, version: str) -> None:
    assert in_range(specifier, version)


@pytest.mark.parametrize(
    ("when", "message"),
    [
        ([], "a condition is a mapping"),
        ({"trch": ">=2"}, "no target has a 'trch'"),
        ({"torch": 2.1}, "write it in quotes"),
        ({"torch": ">=two"}, "neither a version nor a range"),
        ({"free-threaded": "no"}, "neither true nor false"),
        ({"os": ">=windows"}, "cannot be compared with a name"),
        ({"os": True}, "cannot be compared with a name"),
        ({"os": []}, "an empty list is never true"),
        ({"any": {"os": "linux"}}, "`any` is a list"),
        ({"not": "linux"}, "a condition is a mapping"),
    ],
)
def test_a_fault_in_a_condition_is_one_located_problem(when: object, message: str) -> None:
    problems = Problems()
    parse_condition(when, "rules.yaml: rules[0].when", problems)
    assert len(problems) == 1
    assert problems[0].startswith("rules.yaml: rules[0].when")
    assert message in problems[0]


def test_unmatched_names_ranges_that_nothing_known_is_in() -> None:
    parsed = condition({"torch": [">=9", ">=2"], "any": [{"os": "amiga"}], "not": {"deepspeed": "<0.1"}})
    known = {"torch": {"2.6.0"}, "os": {"linux"}, "deepspeed": {"0.16.5"}}
    assert set(parsed.unmatched(known)) == {("torch", ">=9"), ("os", "amiga"), ("deepspeed", "<0.1")}


def test_a_range_is_compared_once_for_each_version() -> None:
    """A plan asks a condition of 100 000 targets that have a few versions between them."""
    parsed = condition({"torch": ">=2.9"})
    in_range.cache_clear()
    for _ in range(1000):
        parsed.holds(CONTEXT)
    assert in_range.cache_info().misses + in_range.cache_info().hits == 1
