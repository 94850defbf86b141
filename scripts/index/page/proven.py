"""What running a wheel has proven of it and what not, in words: from its verification and the rows of parts.yaml."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from scripts.facts.verification_parts import BESIDE, Parts, VerificationPart
from scripts.wheel.record import Verification, WheelRecord

NO_KERNELS = "Its CUDA kernels were not run: there was no GPU where it was verified."
SIBLING = "The other parts ran on the wheel for another Python of the same DeepSpeed, torch and CUDA."


def proven(record: WheelRecord, rows: Parts) -> tuple[str, ...]:
    """A sentence for each thing to know; none for a wheel whose manifest names no parts."""
    found = record.verification
    return tuple(_sentences(record, found, rows)) if found and found.parts else ()


def _sentences(record: WheelRecord, found: Verification, rows: Parts) -> Iterator[str]:
    count = f"{len(found.parts)} parts" if found.parts[1:] else "One part"
    yield f"{count} of DeepSpeed ran on this very file and did what they should."
    if found.level == "core":
        yield SIBLING
    if record.target.cuda != "cpu" and not any(name in rows and rows[name].where == "gpu" for name in found.parts):
        yield NO_KERNELS
    tried = {rows[name].level for name in found.parts if name in rows}
    if untried := [level for level in BESIDE if level not in tried]:
        words = untried[0] if not untried[1:] else f"{', '.join(untried[:-1])} and {untried[-1]}"
        yield f"Not tried on it: {words}."


def not_proven(found: Verification, rows: Iterable[VerificationPart]) -> tuple[tuple[str, str], ...]:
    """The parts that were skipped, each with the reason."""
    reasons = ((row.name, skip_reason(found, row.name)) for row in rows if row.name not in found.parts)
    return tuple((name, reason) for name, reason in reasons if reason)


def skip_reason(found: Verification, part: str) -> str:
    """Why the part, or its first question, was skipped; empty when it was not run at all."""
    own = (reason for name, reason in found.skipped.items() if name == part or name.startswith(f"{part}: "))
    return next(own, "")
