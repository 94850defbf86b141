"""Which parts a verification runs, and why the others are skipped, before anything is started."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from scripts.errors import InputError
from scripts.facts.facts import Facts
from scripts.facts.verification_parts import BESIDE, VerificationPart
from scripts.verify.check import CheckResult


@dataclass(frozen=True, kw_only=True)
class Claims:
    """What the wheel states of itself, as far as running it is concerned."""

    version: str
    accelerator: str
    ops: tuple[str, ...]
    crashing: Mapping[str, str] = field(default_factory=dict)  # op -> what the processor lacks for it

    @property
    def release(self) -> str:
        """The version without what the builder added."""
        return self.version.split("+")[0]


def level_named(name: str, facts: Facts) -> str:
    """The level of this name, or of this former name; InputError when there is none."""
    for level in facts.verification_levels.values():
        if name in (level.name, level.alias):
            return level.name
    known = ", ".join(facts.verification_levels)
    raise InputError(f"{name!r} is no level of verification; give one of {known}", id="value-not-accepted")


def parts_of(level: str, beside: Collection[str], facts: Facts) -> tuple[VerificationPart, ...]:
    """The parts that a level runs, and those that are added to it, in the order of the data."""
    unknown = [name for name in beside if name not in BESIDE]
    if unknown:
        raise InputError(f"--with takes {', '.join(BESIDE)}, not {', '.join(unknown)}", id="value-not-accepted")
    runs = {*facts.verification_levels[level].holds, *beside}
    return tuple(part for part in facts.verification_parts.values() if part.level in runs)


def packages_of(parts: Sequence[VerificationPart]) -> tuple[str, ...]:
    """What the parts need beside torch and what the wheel requires."""
    return tuple(sorted({package.replace("_", "-") for part in parts for package in part.packages}))


def why_not(part: VerificationPart, claims: Claims) -> str:
    """Why the part has nothing to say about a wheel that states this; empty when it has."""
    able = part.versions & part.cpu_versions if claims.accelerator == "cpu" else part.versions
    if claims.release not in able:
        return part.why_not
    if part.where == "cuda" and claims.accelerator == "cpu":
        return "a wheel for CPU asks for no toolkit"
    if part.where == "gpu" and claims.accelerator == "cpu":
        return "it needs a GPU, and the wheel is for CPU"
    if missing := [op for op in part.ops if op not in claims.ops]:
        return f"{', '.join(missing)} is not in this wheel"
    return "; ".join(f"{op} has {claims.crashing[op]}" for op in part.ops if op in claims.crashing)


def skipped(part: VerificationPart, reason: str) -> CheckResult:
    """That the part was not run, and why."""
    return CheckResult(name=part.name, passed=None, detail=reason, part=part.name)


def order_of(part: VerificationPart, claims: Claims, patience: float = 1.0) -> Mapping[str, Any]:
    """The part as suite/preloaded.py reads it; on a GPU it has one process, since there may be no second one.

    `patience` is by how much longer it may take than the row says.
    """
    stages = part.processes if claims.accelerator == "cpu" else (1,)
    return {
        "name": part.name,
        "program": part.program,
        "where": part.where,
        "processes": stages,
        "threads": part.threads,
        "packages": part.packages,
        "launcher": part.launcher,
        "fresh": part.fresh,
        "seconds": part.seconds * patience,
        "crashing": claims.crashing,
    }
