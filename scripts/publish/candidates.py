"""What of a wheelhouse may be published: verified wheels of all their ops, each with its manifest and its METADATA."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from scripts.errors import InputError, WheelsError
from scripts.plan.target import Target
from scripts.publish.store import Payload, payload_of_bytes, payload_of_file
from scripts.wheel.core_metadata import SUFFIX, core_metadata
from scripts.wheel.documents import read_manifest
from scripts.wheel.manifest import manifest_path
from scripts.wheel.wheelhouse import why_not_complete, why_not_from, why_not_verified


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A wheel that may be published, with what is published beside it."""

    target: Target
    wheel: Payload
    metadata: Payload
    manifest: Payload

    @property
    def payloads(self) -> tuple[Payload, ...]:
        """All three; the manifest last, since whoever finds one relies on the wheel."""
        return (self.wheel, self.metadata, self.manifest)


@dataclass(frozen=True, kw_only=True)
class Skipped:
    """A wheel that is not published, and why."""

    wheel: str  # its path below the wheelhouse
    reason: str


@dataclass(frozen=True, kw_only=True)
class Wheelhouse:
    """What was found."""

    candidates: tuple[Candidate, ...]
    skipped: tuple[Skipped, ...]


def read_wheelhouse(directory: Path) -> Wheelhouse:
    """Every wheel below `directory`: a candidate, or skipped with its reason; reads each wheel once."""
    candidates, skipped = [], []
    for wheel in sorted(directory.rglob("*.whl")):
        path = wheel.relative_to(directory)
        reason = _why_not_from(path)
        try:
            if reason:
                raise InputError(reason)
            candidates.append(_candidate(wheel))
        except WheelsError as error:
            skipped.append(Skipped(wheel=path.as_posix(), reason=str(error)))
    ordered = sorted(candidates, key=lambda candidate: candidate.target.sort_key())
    return Wheelhouse(candidates=tuple(ordered), skipped=tuple(skipped))


def _why_not_from(path: Path) -> str | None:
    """Why nothing of this directory is published."""
    misplaced = None if len(path.parts) == 3 else "it is not in <deepspeed>/<cuda>-torch<minor>/"
    return why_not_from(path) or misplaced


def _candidate(wheel: Path) -> Candidate:
    try:
        content = manifest_path(wheel).read_bytes()
    except OSError:
        raise InputError("it has no manifest beside it") from None
    record = read_manifest(content, manifest_path(wheel).name)
    if reason := why_not_verified(record.verification) or why_not_complete(record):
        raise InputError(reason)
    payload = payload_of_file(wheel)
    metadata = payload_of_bytes(wheel.name + SUFFIX, core_metadata(wheel))
    for what, stated, found in (
        ("name", record.file, wheel.name),
        ("sha256", record.sha256, payload.sha256),
        ("metadata.sha256", record.metadata_sha256, metadata.sha256),
    ):
        if stated != found:
            raise InputError(
                f"its manifest is another wheel's: {what} is {stated} there, and {found} here; build again"
            )
    manifest = payload_of_bytes(manifest_path(wheel).name, content)
    return Candidate(target=record.target, wheel=payload, metadata=metadata, manifest=manifest)
