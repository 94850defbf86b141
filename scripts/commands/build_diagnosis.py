"""Why a build failed, from what its last step added to its target's log, else from its error."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from scripts.ci.results import Result
from scripts.diagnose.likeliest import likeliest_cause
from scripts.diagnose.named_cause import NamedCause
from scripts.diagnose.own_log import go_to_last_step

BLOCK = 1 << 20


def log_ends(logs: Path, targets: Iterable[str]) -> dict[str, int]:
    """By target id, how many bytes its log has before the build; builds add to it."""
    files = {target: logs / f"{target}.log" for target in targets}
    return {target: file.stat().st_size if file.is_file() else 0 for target, file in files.items()}


def with_cause(result: Result, logs: Path, start: int) -> Result:
    """The result with its likeliest cause; as it is where none is known, or the build did not fail."""
    return result if result.state != "failed" else replace(result, diagnosis=_cause(result, logs, start))


def _cause(result: Result, logs: Path, start: int) -> NamedCause | None:
    file = logs / f"{result.target}.log"
    if file.is_file():
        with file.open("rb") as log:
            before = sum(log.read(min(BLOCK, start - at)).count(b"\n") for at in range(0, start, BLOCK))
            before += go_to_last_step(log)
            found = likeliest_cause(iter(lambda: log.read(BLOCK), b""), str(file), before=before)
        if found:
            return found
    return likeliest_cause([result.error_line.encode()], "its error")
