"""`invoke verify`: whether a wheel, ours or not, is what it says and works."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import cast

from scripts.commands.answer import log_line, print_answer, print_document
from scripts.commands.explained_error import explained, heard_cause
from scripts.commands.task_options import VerifyOptions
from scripts.diagnose.named_cause import NamedCause
from scripts.errors import VerifyError
from scripts.verify.check import CheckResult, Report, nobody
from scripts.verify.levels import Level, verify_wheel
from scripts.verify.promises import read_promises


def verify(options: VerifyOptions) -> None:
    """Print the checks of a wheel; raises VerifyError when one fails."""
    wheel, python = Path(options.wheel), Path(options.python) if options.python else None
    level, promises = cast(Level, options.level), read_promises(wheel)
    watch = _show if python else nobody
    heard: list[str] = []
    report = verify_wheel(wheel, level, python=python, promises=promises, watch=watch, log=heard.append)
    cause = _cause(report, heard)
    if options.json:
        print_document({**report.as_document(), "diagnosis": asdict(cause) if cause else None})
    else:
        print_answer(report.as_table())
    try:
        report.require()
    except VerifyError as error:
        raise explained(error, cause) from None


def _cause(report: Report, heard: Sequence[str]) -> NamedCause | None:
    """Why the wheel failed, from what its programs said and from its failed checks."""
    failed = [f"{check.name}: {check.detail}" for check in report.failed]
    return heard_cause([*heard, *failed], "the output of the verification") if failed else None


def _show(check: CheckResult) -> None:
    """A check that has ended, on standard error: all of them take minutes."""
    log_line(check.as_line())
