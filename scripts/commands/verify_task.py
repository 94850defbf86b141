"""`invoke verify`: whether a wheel, ours or not, is what it says and works."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from scripts.commands.answer import log_line, print_answer, print_document
from scripts.commands.task_options import VerifyOptions
from scripts.verify.check import CheckResult, nobody
from scripts.verify.levels import Level, verify_wheel
from scripts.verify.promises import read_promises


def verify(options: VerifyOptions) -> None:
    """Print the checks of a wheel; raises VerifyError when one fails."""
    wheel, python = Path(options.wheel), Path(options.python) if options.python else None
    level, promises = cast(Level, options.level), read_promises(wheel)
    watch = _show if python else nobody
    report = verify_wheel(wheel, level, python=python, promises=promises, watch=watch)
    if options.json:
        print_document(report.as_document())
    else:
        print_answer(report.as_table())
    report.require()


def _show(check: CheckResult) -> None:
    """A check that has ended, on standard error: all of them take minutes."""
    log_line(check.as_line())
