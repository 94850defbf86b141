"""Verifies a wheel, any wheel, up to a level."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Literal

from scripts.command import Log, no_log
from scripts.errors import InputError
from scripts.verify.check import Report, Watch, nobody
from scripts.verify.promises import NOTHING_PROMISED, Promises
from scripts.verify.static import verify_file
from scripts.verify.suite_runs import SUITE, run_suite

Level = Literal["audit", "smoke", "full"]
# audit runs nothing; smoke loads every op; full also steps the optimizers, runs the kernels and trains
SUITES: dict[str, tuple[str, ...]] = {"smoke": ("load_ops", "bare_machine"), "full": SUITE}


def verify_wheel(
    wheel: Path,
    level: Level = "audit",
    python: Path | None = None,
    expected_ops: Iterable[str] | None = None,
    log: Log = no_log,
    promises: Promises = NOTHING_PROMISED,
    watch: Watch = nobody,
) -> Report:
    """The report on the file, and of the runs that `level` adds, by a `python` that has torch and the wheel.

    `expected_ops` None takes the wheel's own word for them; `promises` are those of whoever built it, `watch` is told
    of each check when it ends. Raises InputError for a file that is no wheel.
    """
    report = verify_file(wheel, promises, watch)
    if level == "audit":
        return report
    if python is None:
        raise InputError(
            f"level {level!r} runs the wheel: give the python of an environment with torch and the wheel",
            id="python-needed",
        )
    with tempfile.TemporaryDirectory(prefix="verify-", ignore_cleanup_errors=True) as directory:
        ran = run_suite(python, wheel, expected_ops, Path(directory), log, SUITES[level], watch)
    return replace(report, checks=(*report.checks, *ran.checks), level=level)
