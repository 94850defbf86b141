"""`examine`: every prerequisite of one side, looked at; nothing is changed, and what builds is imported only for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from scripts.doctor.prerequisite import Prerequisite, prerequisites_of
from scripts.doctor.to_run import INVOKE, RunChecks
from scripts.facts.facts import Facts
from scripts.install.environment import Environment

if TYPE_CHECKING:
    from scripts.doctor.to_build import BuildChecks


def examine(
    environment: Environment, facts: Facts, *, program: Sequence[str] = INVOKE, build: BuildChecks | None = None
) -> tuple[Prerequisite, ...]:
    """What is right, wrong, missing or unknown to run a wheel in the environment, or, with `build`, to build one."""
    if build is not None:
        return _looked_at(build, "build", facts, environment.system)
    checks = RunChecks(environment=environment, facts=facts, program=tuple(program))
    return _looked_at(checks, "run", facts, environment.system or "linux")


def _looked_at(checks: RunChecks | BuildChecks, side: str, facts: Facts, system: str) -> tuple[Prerequisite, ...]:
    rows = (row for row in facts.findings.values() if row.side == side)
    return tuple(prerequisites_of(checks.by_id(), rows, system, checks.context))


def summary(findings: Iterable[Prerequisite]) -> str:
    """The calm first sentence."""
    findings = tuple(findings)
    bad = [finding for finding in findings if finding.is_bad]
    unknown = [finding.what for finding in findings if finding.state == "unknown"]
    doubt = f" Unknown: {', '.join(unknown)}." if unknown else ""
    if not bad:
        return f"All is well: {len(findings)} things were looked at, and nothing is wrong or missing.{doubt}"
    count = "One thing needs" if len(bad) == 1 else f"{len(bad)} things need"
    names = ", ".join(finding.what for finding in bad)
    return f"{count} your attention, {len(findings) - len(bad)} do not: {names}.{doubt}"
