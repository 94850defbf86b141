"""`expand`: every combination of the matrix's axes becomes a target or an omission with its rule and reason.

A rule reads few names, and its answer follows from the axes behind those names alone. Rules are grouped by these axes;
a group is asked once per distinct combination of them, so that 100 000 cells cost about as much as naming them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from operator import attrgetter
from typing import Any

from packaging.version import Version

from scripts.matrix.condition import Condition
from scripts.matrix.context import AXES, FOLLOWS_FROM, Context
from scripts.matrix.forecast import Forecast
from scripts.matrix.matrix import Matrix
from scripts.matrix.records import Facts
from scripts.matrix.target import Target

REFUSE = "refuse"


@dataclass(frozen=True, kw_only=True)
class Omission:
    """A combination that is no target, and why: `rule` is a rule's id, or `matrix:<id>` of an exclusion of ours."""

    target: Target
    rule: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class PlannedTarget:
    """A wheel that should exist."""

    target: Target
    tier: int
    minutes: float
    notes: tuple[str, ...]  # ids of the rules that fix it or warn about it


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The whole matrix, expanded: targets and omissions, each in the order of their versions."""

    targets: tuple[PlannedTarget, ...]
    omitted: tuple[Omission, ...]


@dataclass(frozen=True, kw_only=True)
class Ruling:
    """A condition and what it means for a cell: a rule, an exclusion or a tier; the first refusal counts."""

    rank: int
    id: str
    when: Condition
    level: str
    reason: str


@dataclass(kw_only=True)
class Group:
    """Rulings that follow from the same axes, with what they said about each combination of these so far."""

    axes: tuple[str, ...]
    rulings: list[Ruling]
    said: dict[Any, tuple[Ruling, ...]] = field(default_factory=dict)

    def ask(self, context: Context) -> tuple[Ruling, ...]:
        """The rulings that hold."""
        return tuple(ruling for ruling in self.rulings if ruling.when.holds(context))


def expand(matrix: Matrix, facts: Facts, recorded: Mapping[str, float] | None = None) -> Plan:
    """The plan of the matrix; `recorded` holds minutes by target id (`forecast.recorded_minutes`)."""
    forecast = Forecast(facts=facts, settings=matrix.forecast, recorded=recorded or {}, ops=matrix.ops)
    tiers = Judge(_tiers(matrix), matrix, facts)
    judge = Judge(_rulings(matrix, facts), matrix, facts)
    targets: list[PlannedTarget] = []
    omitted: list[Omission] = []
    for target in combinations(matrix, facts):
        held = judge.rulings_for(target)
        refusal = min((ruling for ruling in held if ruling.level == REFUSE), key=_rank, default=None)
        if refusal:
            omitted.append(Omission(target=target, rule=refusal.id, reason=refusal.reason))
            continue
        notes = tuple(ruling.id for ruling in sorted(held, key=_rank))
        tier = matrix.tiers[min(ruling.rank for ruling in tiers.rulings_for(target))].tier
        targets.append(PlannedTarget(target=target, tier=tier, minutes=forecast.minutes(target), notes=notes))
    return Plan(targets=tuple(targets), omitted=tuple(omitted))


def combinations(matrix: Matrix, facts: Facts) -> Iterator[Target]:
    """Every combination of the axes, in the order of the versions."""
    torch = [facts.torch[minor].newest for minor in sorted(matrix.torch, key=Version)]
    python = sorted(matrix.python, key=lambda version: (Version(version.removesuffix("t")), version))
    axes = (sorted(matrix.deepspeed, key=Version), torch, sorted(matrix.cuda), python, sorted(matrix.platform))
    for deepspeed, release, cuda, interpreter, platform in product(*axes):
        yield Target(deepspeed=deepspeed, torch=release, cuda=cuda, python=interpreter, platform=platform)


class Judge:
    """Rulings, each asked once for every combination of the axes that it follows from."""

    def __init__(self, rulings: Iterable[Ruling], matrix: Matrix, facts: Facts) -> None:
        self.context_of: Callable[[Target], Context] = lambda target: matrix.context_of(target, facts)
        groups: dict[tuple[str, ...], Group] = {}
        for ruling in rulings:
            if ruling.when.names <= FOLLOWS_FROM.keys():  # else it waits for a name that only a build knows
                axes = axes_behind(ruling.when)
                groups.setdefault(axes, Group(axes=axes, rulings=[])).rulings.append(ruling)
        self.groups: Sequence[tuple[Any, Group]] = [(_key_of(axes), group) for axes, group in groups.items()]

    def rulings_for(self, target: Target) -> list[Ruling]:
        """Every ruling that holds for the cell."""
        held: list[Ruling] = []
        context: Context | None = None
        for key_of, group in self.groups:
            key = key_of(target)
            said = group.said.get(key)
            if said is None:
                context = context or self.context_of(target)
                said = group.said[key] = group.ask(context)
            held += said
        return held


def axes_behind(condition: Condition) -> tuple[str, ...]:
    """The axes that the condition's answer follows from.

    CUDA names are absent for the CPU; a condition that asks for one anywhere is then False, which its axes cover too.
    """
    found = {axis for name in condition.names for axis in FOLLOWS_FROM[name]}
    return tuple(axis for axis in AXES if axis in found)


def _key_of(axes: tuple[str, ...]) -> Callable[[Target], Any]:
    return attrgetter(*axes) if axes else lambda target: ()


def _rulings(matrix: Matrix, facts: Facts) -> Iterator[Ruling]:
    rules = [(rule.id, rule.when, rule.level, rule.reason) for rule in facts.rules]
    exclusions = [(f"matrix:{row.id}", row.when, REFUSE, row.reason) for row in matrix.exclude]
    for rank, (name, when, level, reason) in enumerate([*rules, *exclusions]):
        yield Ruling(rank=rank, id=name, when=when, level=level, reason=reason)


def _tiers(matrix: Matrix) -> Iterator[Ruling]:
    for rank, row in enumerate(matrix.tiers):
        yield Ruling(rank=rank, id=row.name, when=row.when, level="tier", reason="")


_rank = attrgetter("rank")
