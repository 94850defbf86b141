"""`expand`: every combination of the matrix's axes becomes a target or an excluded target with its rule and reason.

A rule reads few names, and its answer follows from the axes behind those names alone. Rules are grouped by these axes;
a group is asked once per distinct combination of them, so that 100 000 targets cost about as much as naming them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from operator import attrgetter
from typing import Any

from packaging.version import Version

from scripts.facts.condition import Condition
from scripts.facts.facts import Facts
from scripts.plan.context import FOLLOWS_FROM, Context
from scripts.plan.forecast import forecast_of
from scripts.plan.matrix import Matrix
from scripts.plan.notes import Note, note_of
from scripts.plan.target import AXES, Target

Axes = Mapping[str, tuple[str, ...]]  # field of a target -> its values


@dataclass(frozen=True, kw_only=True)
class ExcludedTarget:
    """A combination that is no target, and why: `rule` is a rule's id, or `matrix:<id>` of an exclusion."""

    target: Target
    rule: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class PlannedTarget:
    """A wheel that should exist."""

    target: Target
    priority: int  # 1 is built first
    forecast: Callable[[Target], float] = field(repr=False, compare=False)
    notes: tuple[Note, ...]  # the rules that fix it or warn about it

    @property
    def minutes(self) -> float:
        """What building it costs; asked when a plan is shown, and by no build."""
        return self.forecast(self.target)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The matrix, expanded: targets and excluded targets, each in the order of their versions."""

    targets: tuple[PlannedTarget, ...]
    excluded: tuple[ExcludedTarget, ...]


@dataclass(frozen=True, kw_only=True)
class Ruling:
    """A condition and what it means for a target: a rule of the facts, or an exclusion or a priority of the matrix."""

    rank: int  # its position among its kind; of several refusals the first gives the reason
    id: str
    when: Condition
    reason: str


def expand(matrix: Matrix, facts: Facts, measured: Mapping[str, float] | None = None, axes: Axes | None = None) -> Plan:
    """The plan of the matrix, or of some values of its `axes`; `measured` has minutes by id (`measured_minutes`)."""
    forecast = forecast_of(matrix, facts, measured)
    context_of = partial(matrix.context_of, facts=facts)
    refused = Judge(refusals(matrix, facts), context_of)
    notes = Judge(_notes(facts), context_of)
    known = {rule.id: note_of(rule) for rule in facts.rules}
    priorities = Judge(_priorities(matrix), context_of)
    targets: list[PlannedTarget] = []
    excluded: list[ExcludedTarget] = []
    for target in combinations(axes_of(matrix, facts) if axes is None else axes):
        if refusal := refused.first(target):
            excluded.append(ExcludedTarget(target=target, rule=refusal.id, reason=refusal.reason))
            continue
        priority = priorities.first(target)
        assert priority, "load_matrix sees to it that the last priority holds for all"
        targets.append(
            PlannedTarget(
                target=target,
                priority=matrix.priorities[priority.rank].priority,
                forecast=forecast.minutes,
                notes=tuple(known[ruling.id] for ruling in notes.all(target)),
            )
        )
    return Plan(targets=tuple(targets), excluded=tuple(excluded))


def axes_of(matrix: Matrix, facts: Facts) -> Axes:
    """The values of each axis as fields of a target, in the order of the versions."""
    return {
        "deepspeed": tuple(sorted(matrix.deepspeed, key=Version)),
        "torch": tuple(facts.torch[minor].newest for minor in sorted(matrix.torch, key=Version)),
        "cuda": tuple(sorted(matrix.cuda)),
        "python": tuple(sorted(matrix.python, key=lambda version: (Version(version.removesuffix("t")), version))),
        "platform": tuple(sorted(matrix.platform)),
    }


def narrowed(axes: Axes, wanted: Mapping[str, Collection[str]]) -> Axes:
    """The axes with the `wanted` values only; an axis that is not in `wanted` keeps all."""
    return {
        axis: tuple(value for value in values if axis not in wanted or value in wanted[axis])
        for axis, values in axes.items()
    }


def combinations(axes: Axes) -> Iterator[Target]:
    """Every combination of the axes, in the order of the versions."""
    for values in product(*axes.values()):
        yield Target(**dict(zip(axes, values, strict=True)))


class Group:
    """Rulings that follow from the same axes, each asked once per combination of these."""

    def __init__(self, axes: tuple[str, ...]) -> None:
        self.key_of: Callable[[Target], Any] = attrgetter(*axes) if axes else lambda target: ()
        self.rulings: list[Ruling] = []
        self.answers: dict[Any, tuple[Ruling, ...]] = {}

    def ask(self, target: Target, context_of: Callable[[Target], Context]) -> tuple[Ruling, ...]:
        """The rulings that hold for the target, in the order of their rank."""
        key = self.key_of(target)
        answer = self.answers.get(key)
        if answer is None:
            context = context_of(target)
            answer = self.answers[key] = tuple(ruling for ruling in self.rulings if ruling.when.holds(context))
        return answer


class Judge:
    """Rulings of one kind, and what they say about a target."""

    def __init__(self, rulings: Iterable[Ruling], context_of: Callable[[Target], Context]) -> None:
        self.context_of = context_of
        groups: dict[tuple[str, ...], Group] = {}
        for ruling in rulings:
            if ruling.when.names <= FOLLOWS_FROM.keys():  # else it waits for a name that only a build knows
                axes = axes_behind(ruling.when)
                groups.setdefault(axes, Group(axes)).rulings.append(ruling)
        self.groups = [(group.rulings[0].rank, group) for group in groups.values()]  # the lowest rank first

    def first(self, target: Target) -> Ruling | None:
        """The ruling of the lowest rank that holds, if any does."""
        best = None
        for lowest, group in self.groups:
            if best and best.rank < lowest:
                break
            held = group.ask(target, self.context_of)
            if held and (best is None or held[0].rank < best.rank):
                best = held[0]
        return best

    def all(self, target: Target) -> list[Ruling]:
        """Every ruling that holds, in the order of their rank."""
        held = (ruling for _, group in self.groups for ruling in group.ask(target, self.context_of))
        return sorted(held, key=attrgetter("rank"))


def axes_behind(condition: Condition) -> tuple[str, ...]:
    """The axes that the condition's answer follows from.

    CUDA names are absent for the CPU; a condition that asks for one anywhere is then False, which its axes cover too.
    """
    found = {axis for name in condition.names for axis in FOLLOWS_FROM[name]}
    return tuple(axis for axis in AXES if axis in found)


def refusals(matrix: Matrix, facts: Facts) -> Iterator[Ruling]:
    """What refuses targets: the rules that do, and the exclusions of the matrix."""
    rules = [(rule.id, rule.when, rule.reason) for rule in facts.rules if rule.level == "refuse"]
    exclusions = [(f"matrix:{row.id}", row.when, row.reason) for row in matrix.exclude]
    for rank, (name, when, reason) in enumerate([*rules, *exclusions]):
        yield Ruling(rank=rank, id=name, when=when, reason=reason)


def _notes(facts: Facts) -> Iterator[Ruling]:
    rules = (rule for rule in facts.rules if rule.level != "refuse")
    for rank, rule in enumerate(rules):
        yield Ruling(rank=rank, id=rule.id, when=rule.when, reason=rule.reason)


def _priorities(matrix: Matrix) -> Iterator[Ruling]:
    for rank, row in enumerate(matrix.priorities):
        yield Ruling(rank=rank, id=row.name, when=row.when, reason=row.name)
