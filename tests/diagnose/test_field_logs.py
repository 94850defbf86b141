"""Logs that were written after what programs say, before anybody asked which rule would answer them."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape, unescape
from pathlib import Path

import pytest
import yaml

from scripts.diagnose.causes import load_causes
from scripts.diagnose.diagnosis import diagnose

ROWS = yaml.safe_load((Path(__file__).parent / "field_logs.yaml").read_text("utf-8"))
STAMP = "2026-11-26T03:14:00.1234567Z "


@dataclass(frozen=True, kw_only=True)
class FieldLog:
    """A log, and the cause that somebody who knows the field would name."""

    cause: str
    log: str
    encoding: str

    def __str__(self) -> str:
        return self.cause

    @property
    def forms(self) -> dict[str, bytes]:
        """The log as its console wrote it, and as it comes out of other places."""
        lines = self.log.splitlines()
        shown = {
            "console": self.log,
            "crlf": "\r\n".join(lines),
            "actions": "".join(f"{STAMP}{line}\n" for line in lines),
            "colours": "".join(f"\x1b[0;31m{line}\x1b[0m\n" for line in lines),
            "numbered": "".join(f"{number:6}\t{line}\n" for number, line in enumerate(lines, 1)),
            "grep -n": "".join(f"{number}:{line}\n" for number, line in enumerate(lines, 1)),
            "web page": "".join(f"{escape(unescape(line)).replace('  ', '&nbsp; ')}\n" for line in lines),
            "quoted by pip": "".join(f"      {line}\n" for line in lines),
        }
        return {form: text.encode(self.encoding) for form, text in shown.items()} | {
            "utf-16": self.log.encode("utf-16")
        }


LOGS = [FieldLog(cause=row["cause"], log=row["log"], encoding=row.get("as", "utf-8")) for row in ROWS]


@pytest.mark.parametrize("log", LOGS, ids=str)
def test_the_first_answer_is_the_one_that_the_field_would_give(log: FieldLog) -> None:
    answers = {}
    for form, content in log.forms.items():
        found = diagnose([content]).findings
        answers[form] = found[0].cause if found else "none"
    assert answers == dict.fromkeys(log.forms, log.cause)


def test_most_causes_have_a_log_from_the_field() -> None:
    causes = {log.cause for log in LOGS}
    assert len(causes & load_causes().causes.keys()) >= 50
    assert "none" in causes
