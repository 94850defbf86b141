"""The likeliest cause of a failure, from what was said while it happened."""

from __future__ import annotations

from collections.abc import Iterable

from scripts.diagnose.diagnosis import diagnose
from scripts.diagnose.named_cause import NamedCause


def likeliest_cause(said: Iterable[bytes], place: str, *, before: int | None = None) -> NamedCause | None:
    """The first of the causes, None where none is known. `place` is what was read.

    With `before`, the lines that stand in it before what was `said`, the number of the deciding line is told, too.
    """
    finding = next(iter(diagnose(said).findings), None)
    if finding is None:
        return None
    return NamedCause(
        cause=finding.cause,
        line=finding.line,
        where=place if before is None else f"{place}:{before + finding.line_number}",
        explanation=finding.explanation,
        remedy=finding.remedy,
    )
