"""Why a build failed, from what it added to its target's log."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from scripts.ci.results import Result
from scripts.diagnose.diagnosis import Finding, diagnose
from scripts.errors import InterruptedBuildError

BLOCK = 1 << 20


def log_ends(logs: Path, targets: Iterable[str]) -> dict[str, int]:
    """By target id, how many bytes its log has before the build; builds add to it."""
    files = {target: logs / f"{target}.log" for target in targets}
    return {target: file.stat().st_size if file.is_file() else 0 for target, file in files.items()}


def explain(result: Result, logs: Path, start: int) -> Iterator[str]:
    """The likeliest cause of a failed build as lines; none where it is not known, or the build was only stopped."""
    if not result.exit_code or result.exit_code == InterruptedBuildError.exit_code:
        return
    file = logs / f"{result.target}.log"
    found = diagnose(_read(file, start)).findings if file.is_file() else ()
    if found:
        yield from _lines(found[0], f"{file}:{_lines_before(file, start) + found[0].line_number}")
    elif spoken := diagnose([(result.message or "").encode()]).findings:
        yield from _lines(spoken[0], "the error above")


def _lines(finding: Finding, where: str) -> Iterator[str]:
    yield f"diagnosis: {finding.cause} ({where})"
    yield f"  {finding.line}"
    yield f"  why: {finding.explanation}"
    yield f"  do: {finding.remedy}"


def _read(file: Path, start: int) -> Iterator[bytes]:
    with file.open("rb") as log:
        log.seek(start)
        yield from iter(lambda: log.read(BLOCK), b"")


def _lines_before(file: Path, start: int) -> int:
    with file.open("rb") as log:
        return sum(log.read(min(BLOCK, start - at)).count(b"\n") for at in range(0, start, BLOCK))
