"""`TrialReport`: what every part of a trial answered, as JSON for programs and as Markdown for people."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scripts.outgoing import redacted_values
from scripts.verify.check import CheckResult
from scripts.verify.trial_parts import Part

WORDS = {True: "passed", False: "**failed**", None: "skipped"}
TITLES = {
    "full": "What `invoke verify --level full` runs",
    "op": "Ops against torch",
    "part": "Parts of DeepSpeed",
    "library": "Libraries above it",
    "workload": "Workloads",
}
LONGEST = 300  # characters of a detail in a table; the JSON has them all


@dataclass(frozen=True, kw_only=True)
class PartResult:
    """The checks of one part, and the seconds that its process took."""

    part: Part
    checks: tuple[CheckResult, ...]
    seconds: float

    @property
    def passed(self) -> bool | None:
        """Whether the part passed; None when every check of it was skipped."""
        if any(check.passed is False for check in self.checks):
            return False
        return True if any(check.passed for check in self.checks) else None

    @property
    def words(self) -> str:
        """How many checks passed, or why the others did not, for a cell of a table."""
        passed = sum(check.passed is True for check in self.checks)
        others = [f"{check.name}: {check.detail}" for check in self.checks if check.passed is not True]
        done = [f"{passed} of {len(self.checks)} checks"] if passed else []
        return "; ".join([*done, *(_cell(other) for other in others)])

    def as_document(self) -> dict[str, object]:
        """The result for JSON."""
        checks = [check.as_document() for check in self.checks]
        head = {"group": self.part.group, "name": self.part.name, "passed": self.passed}
        return {**head, "seconds": round(self.seconds, 1), "checks": checks}


@dataclass(frozen=True, kw_only=True)
class TrialReport:
    """All parts of one trial, in the order of the table."""

    wheel: str
    facts: Mapping[str, Any]
    results: tuple[PartResult, ...]
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether no part failed and at least one passed."""
        answers = [result.passed for result in self.results]
        return False not in answers and True in answers

    @property
    def summary(self) -> str:
        """How many parts passed, failed and were skipped, in one line."""
        answers = [result.passed for result in self.results]
        counts = [f"{answers.count(passed)} {word.strip('*')}" for passed, word in WORDS.items()]
        return f"{len(answers)} parts in {self.seconds:.0f} s: " + ", ".join(counts)

    def as_json(self) -> str:
        """The report for programs."""
        document = {
            "wheel": self.wheel,
            "passed": self.passed,
            "seconds": round(self.seconds, 1),
            "facts": self.facts,
            "parts": [result.as_document() for result in self.results],
        }
        return json.dumps(redacted_values(document), indent=1, ensure_ascii=False) + "\n"

    def as_markdown(self) -> str:
        """The report for people."""
        groups = [self._table(group, title) for group, title in TITLES.items()]
        return "\n\n".join([self._head(), *(group for group in groups if group)]) + "\n"

    def _head(self) -> str:
        card = self.facts.get("card") or {}
        machine = " ".join(str(card[key]) for key in ("name", "memory") if key in card) or "no GPU"
        rows = {
            "wheel": f"`{self.wheel}`",
            "card": machine,
            "architecture": card.get("architecture", ""),
            "driver": card.get("driver", ""),
            "torch": self.facts.get("torch", ""),
            "CUDA": self.facts.get("cuda", ""),
            "Python": self.facts.get("python", ""),
            "other packages": _pairs(self.facts.get("packages") or {}),
            "ops that upstream has and this wheel does not": ", ".join(self.facts.get("other_ops") or ()) or "none",
        }
        lines = [f"| {name} | {_cell(str(value))} |" for name, value in rows.items()]
        return "\n".join([self.summary + ".", "", "| | |", "| --- | --- |", *lines])

    def _table(self, group: str, title: str) -> str:
        rows = [
            f"| {result.part.name} | {WORDS[result.passed]} | {result.seconds:.0f} | {result.words} |"
            for result in self.results
            if result.part.group == group
        ]
        return (
            "\n".join([f"## {title}", "", "| part | result | seconds | |", "| --- | --- | --- | --- |", *rows])
            if rows
            else ""
        )


def _pairs(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def _cell(text: str) -> str:
    """The text on one line, without what would end a cell."""
    line = " ".join(text.split()).replace("|", "\\|")
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}…"
