"""The README's table of what the newest release was seen to do, by group of parts, from docs/verified.json."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from packaging.version import Version

from scripts.commands.verify_page import VERIFIED, read_results
from scripts.dirs import CHECKOUT
from scripts.facts.load import load_facts
from scripts.facts.verification_parts import GROUPS, VerificationPart
from scripts.index.page.status import renew_table

README = CHECKOUT / "README.md"


def with_summary(text: str) -> str:
    """The README's text with the table of now."""
    table = parts_summary(read_results(VERIFIED), load_facts().verification_parts.values())
    return renew_table(text, table, "README.md", "parts")


def parts_summary(results: Mapping[str, Mapping[str, Any]], parts: Iterable[VerificationPart]) -> str:
    """The Markdown table of the newest release: a row for each group, every part of it in one of its cells."""
    newest = max(results, key=Version)
    runs, rows = results[newest]["parts"], [part for part in parts if part.level != "gpu"]
    lines = [f"| Of DeepSpeed {newest} | passed | skipped, failed or not run |", "| --- | --- | --- |"]
    for group, title in GROUPS.items():
        own = [part for part in rows if part.group == group]
        passed = [part.name for part in own if runs.get(part.name, {}).get("passed")]
        lines.append(f"| {title} | {', '.join(passed) or 'none'} | {_others(own, runs) or 'none'} |")
    return "\n".join(lines) + "\n"


def _others(parts: Sequence[VerificationPart], runs: Mapping[str, Mapping[str, Any]]) -> str:
    """The parts that did not pass, those with one reason together."""
    reasons: dict[str, list[str]] = {}
    for part in parts:
        run = runs.get(part.name)
        if run is None:
            reasons.setdefault("not run", []).append(part.name)
        elif run["passed"] is not True:
            words = f"**failed**: {run['reason']}" if run["passed"] is False else run["reason"]
            reasons.setdefault(words, []).append(part.name)
    return "; ".join(f"{', '.join(names)} ({reason})" for reason, names in reasons.items())
