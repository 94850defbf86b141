"""What the tests of the diagnosis need: fixtures, and which rule decided a line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from scripts.diagnose.causes import LogRule, load_causes
from scripts.diagnose.log_rules import LineRules, is_said
from scripts.diagnose.log_text import pages, plain

FIXTURES: dict[str, dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "fixtures.yaml").read_text("utf-8"))
RULES = {rule.id: rule for rule in load_causes().rules}


@dataclass(frozen=True, kw_only=True)
class Case:
    """One log and the rule that must decide it."""

    rule: LogRule
    log: str

    def __str__(self) -> str:
        return self.rule.id


def cases() -> Iterator[Case]:
    """Each fixture in all its forms."""
    for name, fixture in FIXTURES.items():
        for log in (fixture["log"], *fixture.get("also", ())):
            yield Case(rule=RULES[name], log=log)


def deciders(log: bytes) -> list[str]:
    """The ids of the rules that decide a line of the log, in its order."""
    rules = LineRules(load_causes())
    found = []
    for page in pages([log], rules.words, rules.places, rules.phrases):
        for index, places in page.hits:
            rule = rules.decide(page.lines, index, places)
            if rule and is_said(page.lines, index, plain(page.lines[index])):
                found.append(rule.id)
    return found
