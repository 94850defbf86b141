"""`diagnose`: from the bytes of a log to its causes, the likeliest first, and what in it is harmless."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from scripts.diagnose.causes import CERTAINTIES, Causes, LogRule, load_causes
from scripts.diagnose.log_context import context_of
from scripts.diagnose.log_rules import REMEMBERED, LineRules, is_said, is_warning
from scripts.diagnose.log_text import Page, pages, plain

ERRORS_KEPT = 5
SHOWN = 600  # characters of a line


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One cause, and the line that tells it."""

    cause: str
    line: str
    line_number: int
    explanation: str
    remedy: str
    source: tuple[str, ...]

    def as_document(self) -> dict[str, Any]:
        """The finding for JSON."""
        return {
            "cause": self.cause,
            "line": self.line,
            "line_number": self.line_number,
            "explanation": self.explanation,
            "remedy": self.remedy,
            "source": list(self.source),
        }


@dataclass(frozen=True, kw_only=True)
class Noise:
    """Harmless lines of one kind: the first of them, how many, and why they do no harm."""

    line: str
    line_number: int
    count: int
    explanation: str

    def as_document(self) -> dict[str, Any]:
        """The noise for JSON."""
        return {
            "line": self.line,
            "line_number": self.line_number,
            "count": self.count,
            "explanation": self.explanation,
        }


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """What a log says: causes by rank, noise, and error lines that no rule knows."""

    findings: tuple[Finding, ...]
    noise: tuple[Noise, ...]
    unknown: tuple[tuple[int, str], ...]  # empty when a cause was found, and for a healthy log

    def as_document(self) -> dict[str, Any]:
        """The diagnosis for JSON."""
        return {
            "findings": [finding.as_document() for finding in self.findings],
            "noise": [noise.as_document() for noise in self.noise],
            "unknown": [{"line": line, "line_number": number} for number, line in self.unknown],
        }


@dataclass
class _Sighting:
    """Where a rule was seen."""

    rule: LogRule
    line: str
    first: int
    last: int
    count: int = 1


@dataclass
class _Reading:
    """What was seen so far."""

    causes: Causes
    sightings: dict[str, _Sighting] = field(default_factory=dict)
    errors: list[tuple[int, str]] = field(default_factory=list)
    failed: int = 0  # the number of the last line that tells of a failure
    succeeded: int = 0  # and of success
    _endings: dict[str, str] = field(default_factory=dict)

    def see(self, rule: LogRule, number: int, line: str) -> None:
        """Keep that the rule decides the line."""
        seen = self.sightings.setdefault(rule.id, _Sighting(rule=rule, line=line[:SHOWN], first=number, last=number))
        if seen.last != number:
            seen.last, seen.count = number, seen.count + 1
        if rule.cause and self._ending(line) == "failed":
            self.failed = number

    def judge(self, number: int, line: str) -> None:
        """Keep what a line that no rule knows tells of how the log ended."""
        ending = self._ending(line)
        if ending == "succeeded":
            self.succeeded = number
        elif ending == "failed":
            self.failed = number
            if len(self.errors) < ERRORS_KEPT:
                self.errors.append((number, line[:SHOWN]))

    def _ending(self, line: str) -> str:
        """What the line tells of the outcome: "succeeded", "failed" or nothing."""
        if line not in self._endings:
            if len(self._endings) > REMEMBERED:
                self._endings.clear()
            self._endings[line] = ending_of(line, self.causes)
        return self._endings[line]


def ending_of(line: str, causes: Causes) -> str:
    """What a line tells of how the log ended: "succeeded", "failed" or nothing."""
    if is_warning(line):
        return ""
    if causes.success.pattern.search(line):
        return "succeeded"
    return "failed" if causes.error.pattern.search(line) else ""


def diagnose(blocks: Iterable[bytes], causes: Causes | None = None) -> Diagnosis:
    """What the log says; its bytes are read once, and little of it is held at a time."""
    causes = causes or load_causes()
    rules = LineRules(causes)
    reading = _Reading(causes)
    context: dict[str, str | bool] = {}
    for page in pages(blocks, rules.words, rules.places, rules.phrases):
        context = context_of("\n".join(page.lines)) if page.first == 1 else context
        _read_page(page, rules, reading)
    return _conclude(reading, context)


def _read_page(page: Page[tuple[int, ...]], rules: LineRules, reading: _Reading) -> None:
    for index, places in page.hits:
        line = plain(page.lines[index])
        if not is_said(page.lines, index, line):
            continue
        rule = rules.decide(page.lines, index, places) if places else None
        if rule:
            reading.see(rule, page.first + index, line)
        else:
            reading.judge(page.first + index, line)


def _conclude(reading: _Reading, context: dict[str, str | bool]) -> Diagnosis:
    seen = [sighting for sighting in reading.sightings.values() if sighting.rule.cause]
    firm = [sighting for sighting in seen if _is_firm(sighting, reading)]
    failed = bool(firm or reading.failed)
    traces = [s for s in seen if s not in firm and failed and s.last > reading.succeeded]
    ranked = sorted([*firm, *traces], key=lambda s: (CERTAINTIES.index(s.rule.certainty), s.first))
    findings: dict[str, Finding] = {}
    for sighting in ranked:
        findings.setdefault(str(sighting.rule.cause), _finding(sighting, reading.causes, context))
    unknown = () if findings or reading.failed < reading.succeeded else tuple(reading.errors)
    harmless = [s for s in reading.sightings.values() if s not in ranked]
    return Diagnosis(
        findings=tuple(findings.values()), noise=tuple(_noise(sighting) for sighting in harmless), unknown=unknown
    )


def _is_firm(sighting: _Sighting, reading: _Reading) -> bool:
    """Whether the sighting counts by itself: always when sure, when likely unless the log ends well after it."""
    if sighting.rule.certainty == "likely":
        return not sighting.last < reading.succeeded > reading.failed
    return sighting.rule.certainty == "sure"


def _finding(sighting: _Sighting, causes: Causes, context: dict[str, str | bool]) -> Finding:
    rule, cause = sighting.rule, causes.causes[str(sighting.rule.cause)]
    return Finding(
        cause=str(rule.cause),
        line=sighting.line,
        line_number=sighting.first,
        explanation=rule.explanation or cause.explanation,
        remedy=rule.remedy or cause.remedy_for(context),
        source=(*rule.source, *(source for source in cause.source if source not in rule.source)),
    )


def _noise(sighting: _Sighting) -> Noise:
    why = sighting.rule.noise or "Seen in failed logs, too, but this one went on to success."
    return Noise(line=sighting.line, line_number=sighting.first, count=sighting.count, explanation=why)
