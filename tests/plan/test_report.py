"""The plan as a document that programs rely on, and as tables."""

from __future__ import annotations

import json

from scripts.console import PlainConsole
from scripts.plan.expand import expand
from scripts.plan.report import JobTotals, plan_document, plan_tables, summary
from tests.plan.factories import make_facts, make_matrix, make_plan, make_rule, make_target

PLAN = make_plan(
    [make_target(python="3.10"), make_target(python="3.11"), make_target(cuda="cu126")],
    excluded=[make_target(python="3.9"), make_target(python="3.9", cuda="cu126")],
)
TOGETHER = JobTotals(jobs=2, minutes=12.0)


def printed(excluded: bool = False) -> str:
    console = PlainConsole(width=140, record=True, file=None, quiet=False)
    with console.capture() as capture:
        console.print(*plan_tables(PLAN, TOGETHER, excluded))
    return capture.get()


def test_the_document_has_exactly_these_keys() -> None:
    document = json.loads(json.dumps(plan_document(PLAN, TOGETHER)))
    assert list(document) == ["targets", "omitted", "notes", "jobs"]
    assert document["jobs"] == {"count": 2, "minutes": 12.0}
    assert document["targets"][0] == {
        "id": "ds0.19.8-torch2.13.0-cpu-cp310-linux_x86_64",
        "deepspeed": "0.19.8",
        "torch": "2.13.0",
        "cuda": "cpu",
        "python": "3.10",
        "platform": "linux_x86_64",
        "tier": 1,
        "minutes": 10.0,
        "notes": [],
    }
    assert document["omitted"][1] == {
        "deepspeed": "0.19.8",
        "torch": "2.13.0",
        "cuda": "cu126",
        "python": "3.9",
        "platform": "linux_x86_64",
        "rule": "no-wheel",
        "reason": "There is none.",
    }


def test_targets_that_differ_in_the_python_alone_share_a_row() -> None:
    assert "3.10 3.11" in printed()


def test_people_see_counts_per_axis_and_per_rule_and_the_total() -> None:
    lines = [" ".join(line.replace("│", " ").split()) for line in printed().splitlines()]
    assert "CUDA cpu 2 1" in lines
    assert "cu126 1 1" in lines
    assert "no-wheel 2 There is none." in lines
    assert "3 targets, 2 combinations excluded; 0 h 30 min to build all, each by itself" in lines


def test_what_to_know_of_a_target_is_listed_once_with_its_text() -> None:
    rules = [make_rule("warned", "warn"), make_rule("fixed", "fix")]
    plan = expand(make_matrix(python=("3.10", "3.11")), make_facts(rules))
    document = plan_document(plan, TOGETHER)
    assert [target["notes"] for target in document["targets"]] == [["warned", "fixed"]] * 2
    assert document["notes"]["fixed"] == {
        "level": "fix",
        "audience": "user",
        "text": "because of fixed",
        "hint": "do fixed",
        "source": ["test"],
    }
    console = PlainConsole(width=140)
    with console.capture() as capture:
        console.print(*plan_tables(plan, TOGETHER))
    assert "because of fixed do fixed" in capture.get()


def test_asked_for_what_is_excluded_the_targets_are_listed_with_their_rule() -> None:
    rows = [line.split() for line in printed(excluded=True).splitlines()]
    assert any("3.9" in row and "no-wheel" in row and "cu126" in row for row in rows)


def test_tables_can_be_made_twice() -> None:
    assert printed() == printed()


def test_the_summary_tells_both_ways_to_build_all() -> None:
    assert summary(PLAN, TOGETHER).splitlines() == [
        "3 targets, 2 combinations excluded; 0 h 30 min to build all, each by itself",
        "in 2 jobs of what belongs together: 0 h 12 min (0.40)",
    ]
    assert summary(make_plan(), TOGETHER).splitlines()[1:] == []
