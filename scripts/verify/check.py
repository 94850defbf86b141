"""`CheckResult` and `Report`: the checks of a wheel and their results. A skipped check is not a passed one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from rich.table import Column, Table
from rich.text import Text

from scripts.errors import VerifyError

Verdict = tuple[bool | None, str]  # passed, failed or skipped; and the detail or the reason
WORDS = {True: "passed", False: "FAILED", None: "skipped"}
STYLES = {True: "green", False: "bold red", None: "yellow"}


@dataclass(frozen=True, kw_only=True)
class CheckResult:
    """The answer to one question; `passed` is None when it was skipped, and `detail` is then the reason."""

    name: str
    passed: bool | None
    detail: str
    seconds: float = 0.0
    part: str = ""  # the part of parts.yaml whose question it was; none for a check of the file

    def as_line(self) -> str:
        """The result in one line, for work that goes on."""
        seconds = "" if self.passed is None else f" in {self.seconds:.1f} s"
        return f"{self.name}: {WORDS[self.passed]}{seconds} ({self.detail})"

    def as_document(self) -> dict[str, object]:
        """The result for JSON."""
        found: dict[str, object] = {
            "name": self.name,
            "passed": self.passed,
            "detail": self.detail,
            "seconds": round(self.seconds, 3),
        }
        return {**found, "part": self.part} if self.part else found


Watch: TypeAlias = Callable[[CheckResult], None]  # what is told of each check when it ends


def nobody(check: CheckResult) -> None:
    """Nothing: the one who watches where nobody does."""


@dataclass(frozen=True, kw_only=True)
class PartRun:
    """How one part of the verification ended; `passed` is None when all of it was skipped."""

    name: str
    passed: bool | None
    reason: str  # why it was skipped or failed
    seconds: float
    cpu_seconds: float  # of all its processes

    @classmethod
    def of(cls, name: str, checks: Sequence[CheckResult], *, seconds: float, cpu_seconds: float) -> PartRun:
        """The run whose checks these are; of a skipped or failed one the first reason counts."""
        verdicts = {check.passed for check in checks}
        passed = False if False in verdicts else True if True in verdicts else None
        reason = next((check.detail for check in checks if check.passed is passed), "") if passed is not True else ""
        return cls(name=name, passed=passed, reason=reason, seconds=seconds, cpu_seconds=cpu_seconds)

    def as_document(self) -> dict[str, object]:
        """The run for JSON."""
        found: dict[str, object] = {"passed": self.passed, "seconds": round(self.seconds, 2)}
        found["cpu_seconds"] = round(self.cpu_seconds, 2)
        return {**found, "reason": self.reason} if self.reason else found


@dataclass(frozen=True, kw_only=True)
class Report:
    """Every check of one wheel, in the order they ran."""

    wheel: str
    checks: tuple[CheckResult, ...]
    level: str = "file"  # how far it was verified, see `scripts.verify.levels`
    sha256: str = ""  # of the file that was verified
    parts: tuple[PartRun, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether no check failed and at least one passed: a wheel without a check is not verified."""
        return not self.failed and any(check.passed for check in self.checks)

    @property
    def failed(self) -> tuple[CheckResult, ...]:
        """The checks that failed."""
        return tuple(check for check in self.checks if check.passed is False)

    @property
    def summary(self) -> str:
        """One line: the wheel and how many checks passed, failed and were skipped."""
        counts = {word: sum(check.passed is passed for check in self.checks) for passed, word in WORDS.items()}
        return f"{self.wheel}: " + ", ".join(f"{count} {word.lower()}" for word, count in counts.items())

    def require(self) -> None:
        """Raise VerifyError, naming the checks that failed, unless the wheel passed."""
        if not self.passed:
            names = ", ".join(check.name for check in self.failed) or "verification: nothing could be checked"
            raise VerifyError(f"{self.wheel} failed {names}")

    def as_document(self) -> dict[str, object]:
        """The report for JSON."""
        checks = [check.as_document() for check in self.checks]
        parts = {part.name: part.as_document() for part in self.parts}
        found: dict[str, object] = {"wheel": self.wheel, "sha256": self.sha256}
        found |= {"level": self.level, "passed": self.passed, "checks": checks}
        return {**found, "parts": parts} if parts else found

    def as_table(self) -> Table:
        """The report as a table for the terminal."""
        table = Table(
            "check", "result", Column("seconds", justify="right"), "detail", title=self.summary, title_justify="left"
        )
        for check in self.checks:
            word = Text(WORDS[check.passed], style=STYLES[check.passed])
            table.add_row(check.name, word, f"{check.seconds:.1f}", check.detail)
        return table


def verdict(faults: Iterable[str], good: str, shown: int = 5) -> Verdict:
    """Failed with the first faults, or passed with what is good to know."""
    found = list(faults)
    more = [f"and {len(found) - shown} more"] if len(found) > shown else []
    return (False, "; ".join([*found[:shown], *more])) if found else (True, good)


def timed(name: str, ask: Callable[[], Verdict], watch: Watch = nobody) -> CheckResult:
    """The result of asking, with the seconds it took."""
    started = time.monotonic()
    passed, detail = ask()
    result = CheckResult(name=name, passed=passed, detail=detail, seconds=time.monotonic() - started)
    watch(result)
    return result
