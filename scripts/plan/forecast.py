"""What a wheel costs in minutes: what the last build of the target took, else what its ops cost in the facts."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from math import inf
from pathlib import Path
from typing import Any

from scripts.facts.facts import Facts
from scripts.facts.unit_histories import is_nvcc, units_of
from scripts.plan.build_order import nearest_releases
from scripts.plan.context import parse_arches
from scripts.plan.matrix import ForecastSettings, Matrix
from scripts.plan.ops import OpChoice, available_ops
from scripts.plan.target import Target

Work = tuple[str, ...]  # names something that is done once
OWN = ("environment", "source", "record", "package", "verification")  # steps of a target, whatever it shares


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """Minutes by target, of a build that finds nothing in the op cache."""

    facts: Facts
    settings: ForecastSettings
    measured: Mapping[str, float]
    own: Mapping[str, float] = field(default_factory=dict)  # seconds that a target took beside compiling, by id
    ops: str | tuple[str, ...]
    arches: Mapping[str, str] = field(default_factory=dict)  # by CUDA variant
    published: Collection[str] = frozenset()  # names of wheels, without a level, of which unchanged ops are taken
    _estimated: dict[tuple[str, str, str], float] = field(default_factory=dict)
    _units: dict[tuple[str, str, str], list[tuple[Work, float]]] = field(default_factory=dict)
    _unchanged: dict[tuple[str, str, tuple[str, ...]], frozenset[str]] = field(default_factory=dict)
    _steps: dict[tuple[str, str, str], float] = field(default_factory=dict)

    def job(self) -> JobForecast:
        """That of a job without targets, to add some."""
        return JobForecast(forecast=self)

    def work(self, target: Target) -> dict[Work, float]:
        """What is compiled for the target: seconds of one core, by what it is; what two targets share is done once.

        A unit that reaches Python's headers is another one for each Python; all else a family of targets has in common.
        """
        key = (target.deepspeed, target.accelerator, target.system)
        if key not in self._units:
            self._units[key] = [
                one for choice, seconds in self._compiled(target) for one in self._of_op(choice.name, seconds, target)
            ]
        for_python = ("python",) if target.system == "linux" else ("python", "extension")  # by g++, or by cl
        taken, ratio = self._taken(target), partial(self._ratio, target, self._joined(target))
        return {
            (op, source, digest, target.python if reach in for_python else ""): seconds * ratio(source, reach)
            for (op, source, digest, reach), seconds in self._units[key]
            if op not in taken
        }

    def _ratio(self, target: Target, joined: float, source: str, reach: str) -> float:
        """What a unit takes of the seconds that are counted for it: of an op that is not listed all."""
        if not source or is_nvcc(source):
            return joined if reach == "joined" else 1.0
        rows = (row.ratio for row in self.facts.unit_ratios if (row.system, row.step) == (target.system, "compile"))
        return next(rows, 1.0)

    def _joined(self, target: Target) -> float:
        """What is left of the seconds of a kernel for each architecture where one compile serves a family of them.

        The part of the work that is not for an architecture is counted as if it were spared for none.
        """
        arches = self.arches.get(target.cuda)
        if target.system != "linux" or not arches:
            return 1.0
        asked = {10 * major + minor for major, minor in parse_arches(arches)}
        whole = (row for row in self.facts.arch_families if asked.issuperset(row.sms))
        return 1.0 - sum((1.0 - row.ratio) * len(row.sms) / len(asked) for row in whole)

    def _taken(self, target: Target) -> frozenset[str]:
        """The ops that the published wheel of a release near by has as they are: they cost a download."""
        if not self.published:
            return frozenset()
        others = [replace(target, deepspeed=release) for release in self.facts.deepspeed]
        there = tuple(other.deepspeed for other in others if other.wheel_name in self.published)
        near = tuple(nearest_releases(target.deepspeed, there))
        key = (target.deepspeed, target.accelerator, near)
        if key not in self._unchanged:
            self._unchanged[key] = frozenset(
                op
                for op in self.facts.ops
                if (now := units_of(target.accelerator, op, target.deepspeed))
                and any({*units_of(target.accelerator, op, release)} == {*now} for release in near)
            )
        return self._unchanged[key]

    def step(self, target: Target, each: str) -> float:
        """Seconds of what a job of the target's kind does beside compiling, once for `each`."""
        if not self._steps:
            speed = self.facts.limits["download_bytes_per_second"]
            rows = self.facts.step_costs
            self._steps.update({(r.system, r.accelerator, r.each): r.seconds + r.bytes / speed for r in rows})
        return self._steps[target.system, target.accelerator, each]

    def _of_op(self, op: str, seconds: float, target: Target) -> Iterator[tuple[Work, float]]:
        """The units of an op with their parts of its seconds; an op that is not listed is one that no two share."""
        units = units_of(target.accelerator, op, target.deepspeed)
        if not units:
            yield (op, "", target.deepspeed, "python"), seconds
            return
        kernels = sum(unit.is_nvcc for unit in units)
        each = seconds / len(units)
        host = min(each, self.settings.unit_seconds) if kernels else each
        kernel = (seconds - host * (len(units) - kernels)) / kernels if kernels else 0.0
        for unit in units:
            yield (op, unit.source, unit.digest, unit.reach), kernel if unit.is_nvcc else host

    def minutes(self, target: Target) -> float:
        """Measured minutes where there are any, else the estimate."""
        if target.id in self.measured:
            return self.measured[target.id]
        key = (target.deepspeed, target.cuda, target.system)
        if key not in self._estimated:
            self._estimated[key] = round(self._estimate(target), 1)
        return self._estimated[key]

    def _estimate(self, target: Target) -> float:
        compiling = sum(replace(self, published=()).work(target).values())
        beside = sum(self.step(target, each) for each in ("job", "python", "target", "parts"))
        return (compiling / self.settings.workers + beside) / 60

    def _compiled(self, target: Target) -> Iterator[tuple[OpChoice, float]]:
        """The ops of the target with their seconds of one core."""
        choices = available_ops(self.facts.ops, target)
        possible = [choice for choice in choices if target.system not in choice.support.why_not]
        chosen = [
            choice for choice in possible if (not choice.left_out if self.ops == "all" else choice.name in self.ops)
        ]
        return ((choice, choice.support.seconds.get(target.system, 0.0)) for choice in chosen)


@dataclass
class JobForecast:
    """Minutes of a job that builds several targets one after the other and begins with empty caches."""

    forecast: Forecast
    minutes: float = 0.0
    _done: set[Work] = field(default_factory=set)

    def minutes_with(self, target: Target) -> float:
        """Its minutes when it builds the target, too."""
        settings, step = self.forecast.settings, partial(self.forecast.step, target)
        shared = sum(step(what[0]) for what in _once(target) if what not in self._done)
        compiled = sum(seconds for what, seconds in self.forecast.work(target).items() if what not in self._done)
        proven = step("parts") if _parts(target) not in self._done else 0.0
        own = self.forecast.own.get(target.id, step("target") + proven)
        return self.minutes + (own + shared + compiled / settings.workers) / 60

    def add(self, target: Target) -> None:
        """Have it build the target, too."""
        self.minutes = self.minutes_with(target)
        self._done |= {*_once(target), _parts(target), *self.forecast.work(target)}


def _once(target: Target) -> tuple[Work, ...]:
    """What a job does once beside compiling, or once for the target's Python."""
    return ("job",), ("python", target.python)


def _parts(target: Target) -> Work:
    """Running all parts on a wheel, which is done for one of the Pythons of a release (`--verify hosted`)."""
    return ("parts", target.deepspeed)


def forecast_of(
    matrix: Matrix,
    facts: Facts,
    measured: Mapping[str, float] | None = None,
    own: Mapping[str, float] | None = None,
    published: Collection[str] = frozenset(),
) -> Forecast:
    """The forecast for the matrix, by what `measured_minutes` and `measured_own` have found."""
    return Forecast(
        facts=facts,
        settings=matrix.forecast,
        measured=measured or {},
        own=own or {},
        ops=matrix.ops,
        arches=matrix.arches,
        published=published,
    )


def measured_minutes(wheels: Path) -> dict[str, float]:
    """Minutes by target id, from the manifests in the wheelhouse; a file that is no manifest is passed over.

    Wheels that failed and wheels of fewer ops lie a folder deeper and do not count.
    """
    return {name: round(seconds / 60, 1) for name, seconds in _measured(wheels, _cold_seconds)}


def measured_own(wheels: Path) -> dict[str, float]:
    """Seconds that each target took beside compiling and fetching a toolkit, by its id, from the same manifests."""
    return dict(_measured(wheels, _own_seconds))


def _measured(wheels: Path, of: Callable[[Mapping[str, Any]], float]) -> Iterator[tuple[str, float]]:
    for path in sorted(wheels.glob("*/*/*.json")):
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            seconds = of(document)
            if 0 <= seconds < inf:
                yield document["target"]["id"], seconds
        except (OSError, ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError):
            continue  # the store checks manifests; a forecast does without


def _own_seconds(document: Mapping[str, Any]) -> float:
    return sum(float(document["seconds"][step]) for step in OWN)


def _cold_seconds(document: Mapping[str, Any]) -> float:
    """Wall seconds of the build; what came from the op cache is counted as if it had been compiled."""
    total = float(document["seconds"]["total"])
    if not document.get("cache_hits"):
        return total
    spared = sum(float(op["seconds"]) for op in document["ops"].values() if op["cached"])
    return total + spared / max(1, int(document["workers"]))
