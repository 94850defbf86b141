"""Why a build failed, from what it added to its target's log, else from its error."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from scripts.ci.results import Result
from scripts.diagnose.likeliest import likeliest_cause
from scripts.diagnose.named_cause import NamedCause

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
        found = likeliest_cause(_read(file, start), str(file), before=_lines_before(file, start))
        if found:
            return found
    return likeliest_cause([result.error_line.encode()], "its error")


def _read(file: Path, start: int) -> Iterator[bytes]:
    with file.open("rb") as log:
        log.seek(start)
        yield from iter(lambda: log.read(BLOCK), b"")


def _lines_before(file: Path, start: int) -> int:
    with file.open("rb") as log:
        return sum(log.read(min(BLOCK, start - at)).count(b"\n") for at in range(0, start, BLOCK))
