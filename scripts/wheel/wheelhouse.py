"""The wheels of a folder here, a wheelhouse or a `dir:` store, as records and as files that a site can serve."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from scripts.errors import InputError
from scripts.files import Content, sha256_of
from scripts.wheel.core_metadata import SUFFIX, core_metadata
from scripts.wheel.manifest import manifest_path
from scripts.wheel.record import Proof, WheelRecord, read_manifest

PROVEN_AT = "full"
FAILED = "failed"  # the folder of wheels that failed their proof


def why_not_from(place: Path) -> str | None:
    """Why no wheel at this path below a wheelhouse or a store is published or offered; None when it may be."""
    if FAILED in place.parts[:-1]:
        return "it failed its proof"
    if any(part.startswith("only-") for part in place.parts[:-1]):
        return "it holds only some of its ops; the full wheel has the same name"
    return "it lies in a draft" if any(part.endswith(".draft") for part in place.parts[:-1]) else None


def why_not_proven(proof: Proof | None) -> str | None:
    """Why no wheel with this proof is published or offered; None for one that passed at the highest level."""
    if proof is None:
        return "it was never proven"
    if proof.failed or not proof.passed:
        return "it failed its proof"
    if proof.level != PROVEN_AT:
        return f"it was proven at level {proof.level or 'unknown'}, not {PROVEN_AT}; build it again"
    return None


def filed_wheels(folder: Path, say: Callable[[str], None] = lambda line: None) -> dict[Path, WheelRecord]:
    """The wheels below the folder with their records, those that may be published; no drafts.

    `say` is told of those whose proof does not suffice. Raises InputError for no folder and for a wheel that is not
    there or not the manifest's, DataError for a manifest that cannot be read.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder; give the one that holds the wheels")
    return dict(_filed(folder, say))


def _filed(folder: Path, say: Callable[[str], None]) -> Iterator[tuple[Path, WheelRecord]]:
    for manifest in sorted(folder.rglob("*.whl.json")):
        if why_not_from(manifest.relative_to(folder)):
            continue
        wheel = manifest.with_name(manifest.name.removesuffix(".json"))
        record = read_manifest(manifest.read_bytes(), str(manifest))
        if wheel != manifest.with_name(record.file) or manifest_path(wheel) != manifest or not wheel.is_file():
            raise InputError(f"{manifest}: its wheel {record.file} is not beside it; build it again or take it away")
        if reason := why_not_proven(record.proof):
            say(f"skipped {wheel}: {reason}")
        else:
            yield wheel, record


def site_files(wheels: Mapping[Path, WheelRecord]) -> dict[str, Content]:
    """The wheels and their METADATA by their path below a site.

    Raises InputError for a wheel whose bytes, or whose METADATA's, are not those of its manifest.
    """
    files: dict[str, Content] = {}
    for wheel, record in wheels.items():
        metadata = core_metadata(wheel)
        digests = (sha256_of(wheel), hashlib.sha256(metadata).hexdigest())
        if digests != (record.sha256, record.metadata_sha256 or digests[1]):
            raise InputError(f"{wheel} is not the file that its manifest describes; build it again")
        place = f"files/{record.target.deepspeed}/{record.file}"
        files |= {place: wheel, place + SUFFIX: metadata}
    return files
