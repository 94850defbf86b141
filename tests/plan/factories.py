"""Small matrices, rules and plans, each with what a test is about and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from scripts.facts.condition import ALWAYS, Condition, parse_condition
from scripts.facts.facts import Facts
from scripts.facts.load import load_facts
from scripts.facts.rules import Rule
from scripts.plan.expand import ExcludedTarget, Plan, PlannedTarget
from scripts.plan.matrix import Exclusion, ForecastSettings, Matrix, Priority
from scripts.plan.target import Target
from scripts.schema.readers import Problems

ROOT = Path(__file__).parent.parent.parent

MATRIX = Matrix(
    deepspeed=("0.19.8",),
    torch=("2.13",),
    cuda=("cpu",),
    python=("3.11",),
    platform=("linux_x86_64",),
    cpu_level="avx2",
    ops="all",
    torch_index="https://torch.example/{variant}",
    arches={},
    exclude=(),
    priorities=(Priority(priority=1, name="all", when=ALWAYS),),
    forecast=ForecastSettings(
        workers=2,
        unit_seconds=30.0,
        job_minutes=60.0,
    ),
)


def make_matrix(**changes: Any) -> Matrix:  # noqa: ANN401  any field
    """A matrix of one target, but for the changes."""
    return replace(MATRIX, **changes)


def make_facts(rules: Iterable[Rule] = ()) -> Facts:
    """The real facts with no rules but these."""
    return replace(load_facts(), rules=tuple(rules))


def make_condition(**when: object) -> Condition:
    """The condition of a `when:`, with _ for -."""
    problems = Problems()
    condition = parse_condition({name.replace("_", "-"): value for name, value in when.items()}, "test", problems)
    assert problems == []
    return condition


def make_rule(name: str, level: str = "refuse", **when: object) -> Rule:
    return Rule(
        id=name,
        level=level,
        when=make_condition(**when),
        reason=f"because of {name}",
        hint=f"do {name}" if level == "fix" else None,
        audience="user",
        source=("test",),
    )


def make_exclusion(name: str, **when: object) -> Exclusion:
    return Exclusion(id=name, when=make_condition(**when), reason=f"not wanted: {name}")


def make_priority(priority: int, **when: object) -> Priority:
    return Priority(priority=priority, name=f"priority {priority}", when=make_condition(**when))


def make_target(**changes: str) -> Target:
    fields = {"deepspeed": "0.19.8", "torch": "2.13.0", "cuda": "cpu", "python": "3.11", "platform": "linux_x86_64"}
    return Target(**{**fields, **changes})


def make_plan(targets: Sequence[Target] = (), excluded: Sequence[Target] = ()) -> Plan:
    """A plan of these targets, of priority 1 and ten minutes each; the rule "no-wheel" excludes the others."""
    return Plan(
        targets=tuple(
            PlannedTarget(target=target, priority=1, forecast=lambda target: 10.0, notes=()) for target in targets
        ),
        excluded=tuple(ExcludedTarget(target=target, rule="no-wheel", reason="There is none.") for target in excluded),
    )
