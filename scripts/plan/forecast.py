"""What a wheel costs in minutes: what the last build of the target took, else what its ops cost in the facts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Any

from scripts.facts.facts import Facts
from scripts.plan.matrix import ForecastSettings, Matrix
from scripts.plan.ops import OpChoice, available_ops
from scripts.plan.target import Target


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """Minutes by target, of a build that finds nothing in the op cache."""

    facts: Facts
    settings: ForecastSettings
    measured: Mapping[str, float]
    ops: str | tuple[str, ...]
    _estimated: dict[tuple[str, str, str], float] = field(default_factory=dict)

    def job(self) -> JobForecast:
        """That of a job without targets, to add some."""
        return JobForecast(forecast=self)

    def work(self, target: Target) -> dict[tuple[str, ...], float]:
        """What is compiled for the target: seconds of one core, by what it is; what two targets share is done once."""
        return {
            (choice.name, target.deepspeed, target.python, target.torch, target.cuda, target.platform): seconds
            for choice, seconds in self._compiled(target)
        }

    def minutes(self, target: Target) -> float:
        """Measured minutes where there are any, else the estimate."""
        if target.id in self.measured:
            return self.measured[target.id]
        key = (target.deepspeed, target.accelerator, target.system)
        if key not in self._estimated:
            self._estimated[key] = round(self._estimate(target), 1)
        return self._estimated[key]

    def _estimate(self, target: Target) -> float:
        compiling = sum(seconds for _, seconds in self._compiled(target))
        return (compiling / self.settings.workers + self.settings.overhead_seconds[target.accelerator]) / 60

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
    _done: set[tuple[str, ...]] = field(default_factory=set)

    def minutes_with(self, target: Target) -> float:
        """Its minutes when it builds the target, too."""
        settings, kind = self.forecast.settings, target.accelerator
        once = {("job",): settings.job_seconds[kind], ("python", target.python): settings.python_seconds[kind]}
        shared = sum(seconds for what, seconds in once.items() if what not in self._done)
        compiled = sum(seconds for what, seconds in self.forecast.work(target).items() if what not in self._done)
        own = settings.overhead_seconds[kind] - settings.job_seconds[kind] - settings.python_seconds[kind]
        return self.minutes + (own + shared + compiled / settings.workers) / 60

    def add(self, target: Target) -> None:
        """Have it build the target, too."""
        self.minutes = self.minutes_with(target)
        self._done |= {("job",), ("python", target.python), *self.forecast.work(target)}


def forecast_of(matrix: Matrix, facts: Facts, measured: Mapping[str, float] | None = None) -> Forecast:
    """The forecast for the matrix; `measured` has minutes by id (`measured_minutes`)."""
    return Forecast(facts=facts, settings=matrix.forecast, measured=measured or {}, ops=matrix.ops)


def measured_minutes(wheels: Path) -> dict[str, float]:
    """Minutes by target id, from the manifests in the wheelhouse; a file that is no manifest is passed over.

    Wheels that failed and wheels of fewer ops lie a folder deeper and do not count.
    """
    found: dict[str, float] = {}
    for path in sorted(wheels.glob("*/*/*.json")):
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            seconds = _cold_seconds(document)
            if 0 <= seconds < inf:
                found[document["target"]["id"]] = round(seconds / 60, 1)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue  # the store checks manifests; a forecast does without
    return found


def _cold_seconds(document: Mapping[str, Any]) -> float:
    """Wall seconds of the build; what came from the op cache is counted as if it had been compiled."""
    total = float(document["seconds"]["total"])
    if not document.get("cache_hits"):
        return total
    spared = sum(float(op["seconds"]) for op in document["ops"].values() if op["cached"])
    return total + spared / max(1, int(document["workers"]))
