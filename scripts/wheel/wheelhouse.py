"""The wheels of a directory here, a wheelhouse or a `dir:` store, as records and as files that a site can serve."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from scripts.command import Log, no_log
from scripts.errors import InputError
from scripts.files import DRAFT, Content, sha256_of
from scripts.wheel.core_metadata import SUFFIX, core_metadata
from scripts.wheel.documents import read_manifest
from scripts.wheel.manifest import manifest_path
from scripts.wheel.record import Verification, WheelRecord

REQUIRED_LEVEL = "full"
FAILED = "failed"  # the directory of wheels that failed verification
ONLY, WITHOUT = "only-", "without-"  # begin the directories of wheels that have only these ops, or all but these


def why_not_from(path: Path) -> str | None:
    """Why no wheel at this path below a wheelhouse or a store is published or offered; None when it may be."""
    if FAILED in path.parts[:-1]:
        return "it failed verification"
    if any(part.startswith((ONLY, WITHOUT)) for part in path.parts[:-1]):
        return "it holds only some of its ops; the full wheel has the same name"
    return "it is in a draft" if any(part.endswith(DRAFT) for part in path.parts[:-1]) else None


def why_not_verified(verification: Verification | None) -> str | None:
    """Why no wheel with this result is published or offered; None for one that passed at the highest level."""
    if verification is None:
        return "it was never verified"
    if verification.failed or not verification.passed:
        return "it failed verification"
    if verification.level != REQUIRED_LEVEL:
        return f"it was verified at level {verification.level or 'unknown'}, not {REQUIRED_LEVEL}; build it again"
    return None


def why_not_complete(record: WheelRecord) -> str | None:
    """Why a wheel of fewer ops is not published, wherever it lies; None for one that has all of its target's."""
    if not record.lacks:
        return None
    return f"it lacks {', '.join(record.lacks)}, which the full wheel of this name has; build that one"


def filed_wheels(directory: Path, log: Log = no_log) -> dict[Path, WheelRecord]:
    """The wheels below the directory with their records, those that may be published; no drafts.

    Others are logged with the reason. Raises InputError for no directory and for a wheel that is absent
    or not the manifest's, DataError for a manifest that cannot be read.
    """
    if not directory.is_dir():
        raise InputError(f"{directory} is not a directory; give the one that holds the wheels", id="not-a-directory")
    return dict(_filed(directory, log))


def _filed(directory: Path, log: Log) -> Iterator[tuple[Path, WheelRecord]]:
    for manifest in sorted(directory.rglob("*.whl.json")):
        if why_not_from(manifest.relative_to(directory)):
            continue
        wheel = manifest.with_name(manifest.name.removesuffix(".json"))
        record = read_manifest(manifest.read_bytes(), str(manifest))
        if wheel != manifest.with_name(record.file) or manifest_path(wheel) != manifest or not wheel.is_file():
            raise InputError(
                f"{manifest}: its wheel {record.file} is not beside it; build it again or remove both",
                id="manifest-without-wheel",
            )
        if reason := why_not_verified(record.verification):
            log(f"skipped {wheel}: {reason}")
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
            raise InputError(
                f"{wheel} is not the file that its manifest describes; build it again", id="manifest-mismatch"
            )
        path = f"files/{record.target.deepspeed}/{record.file}"
        files |= {path: wheel, path + SUFFIX: metadata}
    return files
