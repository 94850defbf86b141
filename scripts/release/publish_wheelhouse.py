"""What of a wheelhouse may be published: proven wheels of all their ops, each with its manifest and its METADATA."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.errors import FactoryError, InputError
from scripts.matrix.target import Target, parse_id
from scripts.release.core_metadata import SUFFIX, core_metadata
from scripts.release.manifest import manifest_path
from scripts.release.store import Payload, payload_of_bytes, payload_of_file

PROVEN_AT = "full"


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


def read_wheelhouse(folder: Path) -> Wheelhouse:
    """Every wheel below `folder`: a candidate, or skipped with its reason; reads each wheel once."""
    candidates, skipped = [], []
    for wheel in sorted(folder.rglob("*.whl")):
        place = wheel.relative_to(folder)
        reason = _why_not_from(place)
        try:
            if reason:
                raise InputError(reason)
            candidates.append(_candidate(wheel))
        except FactoryError as error:
            skipped.append(Skipped(wheel=place.as_posix(), reason=str(error)))
    ordered = sorted(candidates, key=lambda candidate: candidate.target.sort_key())
    return Wheelhouse(candidates=tuple(ordered), skipped=tuple(skipped))


def _why_not_from(place: Path) -> str | None:
    """Why nothing of this folder is published."""
    if place.parts[0] == "failed":
        return "it failed its proof"
    if any(part.startswith("only-") for part in place.parts):
        return "it holds only some of its ops; the full wheel has the same name"
    return None if len(place.parts) == 3 else "it does not lie in <deepspeed>/<cuda>-torch<minor>/"


def _candidate(wheel: Path) -> Candidate:
    try:
        content = manifest_path(wheel).read_bytes()
    except OSError:
        raise InputError("it has no manifest beside it") from None
    document = _parsed(content)
    _require_proof(document)
    target = parse_id(str(_entry(document, "target", "id")))
    payload = payload_of_file(wheel)
    metadata = payload_of_bytes(wheel.name + SUFFIX, core_metadata(wheel))
    for key, found in (
        (("wheel", "file"), target.wheel_name), (("wheel", "file"), wheel.name), (("wheel", "sha256"), payload.sha256),
        (("metadata", "sha256"), metadata.sha256),
    ):  # fmt: skip
        if _entry(document, *key) != found:
            raise InputError(f"its manifest is another wheel's: {'.'.join(key)} is not {found}; build it again")
    manifest = payload_of_bytes(manifest_path(wheel).name, content)
    return Candidate(target=target, wheel=payload, metadata=metadata, manifest=manifest)


def _parsed(content: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(content)
    except ValueError as error:
        raise InputError(f"its manifest cannot be read ({error}); build it again") from None
    return document if isinstance(document, dict) else {}


def _entry(document: Mapping[str, Any], *keys: str) -> object:
    value: object = document
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _require_proof(document: Mapping[str, Any]) -> None:
    """Raise InputError unless the manifest says that the wheel passed the proof at its highest level."""
    if _entry(document, "proof") is None:
        raise InputError("it was never proven")
    if _entry(document, "proof", "passed") is not True:
        raise InputError("it failed its proof")
    level = _entry(document, "proof", "level")
    if level != PROVEN_AT:
        raise InputError(f"it was proven at level {level or 'unknown'}, not {PROVEN_AT}; build it again")


def names_of(candidates: tuple[Candidate, ...]) -> Iterator[str]:
    """The names of everything that is published for these wheels."""
    return (payload.name for candidate in candidates for payload in candidate.payloads)
