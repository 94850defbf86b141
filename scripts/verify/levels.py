"""Verifies a wheel, any wheel, up to a level."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterable
from dataclasses import replace
from pathlib import Path

from scripts.command import Log, no_log
from scripts.errors import InputError
from scripts.facts.load import load_facts
from scripts.verify.check import Report, Watch, nobody
from scripts.verify.given_python import libraries_of
from scripts.verify.promises import NOTHING_PROMISED, Promises
from scripts.verify.static import verify_file
from scripts.verify.suite_orders import level_named, parts_of
from scripts.verify.suite_runs import run_suite


def verify_wheel(
    wheel: Path,
    level: str = "file",
    python: Path | None = None,
    expected_ops: Iterable[str] | None = None,
    log: Log = no_log,
    promises: Promises = NOTHING_PROMISED,
    watch: Watch = nobody,
    beside: Collection[str] = (),
) -> Report:
    """The report on the file, and of the parts that `level` runs and `beside` adds, by a `python` that has the wheel.

    `expected_ops` None takes the wheel's own word for them; `promises` are those of whoever built it, `watch` is told
    of each check when it ends. Raises InputError for a file that is no wheel.
    """
    facts = load_facts()
    level = level_named(level, facts)
    parts = parts_of(level, beside, facts)
    report = verify_file(wheel, promises, watch, libraries_of(python) if parts and python else None)
    if not parts:
        return report
    if python is None:
        raise InputError(
            f"level {level!r} runs the wheel: give the python of an environment with torch and the wheel",
            id="python-needed",
        )
    with tempfile.TemporaryDirectory(prefix="verify-", ignore_cleanup_errors=True) as directory:
        ran = run_suite(python, wheel, expected_ops, Path(directory), parts, log, watch)
    return replace(report, checks=(*report.checks, *ran.checks), level=level, parts=ran.parts)
