"""The wheels of a directory here, a wheelhouse or a `dir:` store, as records and as files that a site can serve."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from scripts.command import Log
from scripts.errors import InputError, WheelsError
from scripts.files import DRAFT, Content, sha256_of
from scripts.plan.target import Target, name_without_level
from scripts.wheel.core_metadata import SUFFIX, core_metadata
from scripts.wheel.documents import read_manifest
from scripts.wheel.manifest import MANIFEST, manifest_path
from scripts.wheel.record import Verification, WheelRecord
from scripts.wheel.withdrawal import reason_beside

REQUIRED_LEVEL = "full"
SIBLING_LEVEL = (
    "core"  # enough where a wheel for another Python, of the same release, torch and CUDA, has run all parts
)
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
    """Why no wheel with this result is published or offered; None for one that passed at a level that is enough."""
    if verification is None:
        return "it was never verified"
    if verification.failed or not verification.passed:
        return "it failed verification"
    if verification.level not in (REQUIRED_LEVEL, SIBLING_LEVEL):
        return f"it was verified at level {verification.level or 'unknown'}, not {REQUIRED_LEVEL}; build it again"
    return None


def why_not_complete(record: WheelRecord) -> str | None:
    """Why a wheel of fewer ops is not published, wherever it lies; None for one that has all of its target's."""
    if not record.lacks:
        return None
    return f"it lacks {', '.join(record.lacks)}, which the full wheel of this name has; build that one"


def wheel_in(folder: Path, target: Target) -> Path | None:
    """The target's wheel in this directory, whatever its manylinux level; None when it is not there."""
    found = (path for path in sorted(folder.glob("*.whl")) if name_without_level(path.name) == target.wheel_name)
    return next(found, None)


def why_not_portable(record: WheelRecord) -> str | None:
    """Why no wheel of this platform tag is published or offered; None for one that names the systems it runs on."""
    if record.target.system != "linux" or record.platform_tag:
        return None
    return "it is tagged linux_x86_64: what it needs is on no manylinux level; 'invoke verify' names it"


def filed_wheels(directory: Path, log: Log, damage: Log) -> dict[Path, WheelRecord]:
    """The wheels below the directory with their records, those that may be published; no drafts.

    Others are logged with the reason. A wheel that is absent or not the manifest's, or whose manifest cannot be read,
    is left out, and the reason handed to `damage`. Raises InputError for no directory.
    """
    if not directory.is_dir():
        raise InputError(f"{directory} is not a directory; give the one that holds the wheels", id="not-a-directory")
    found: dict[Path, WheelRecord] = {}
    for manifest in sorted(directory.rglob("*.whl" + MANIFEST)):
        if why_not_from(manifest.relative_to(directory)):
            continue
        try:
            wheel, record = _filed(manifest)
        except WheelsError as error:
            damage(str(error))
            continue
        if reason := why_not_verified(record.verification) or why_not_portable(record):
            log(f"skipped {wheel}: {reason}")
        else:
            found[wheel] = record
    return found


def _filed(manifest: Path) -> tuple[Path, WheelRecord]:
    wheel = manifest.with_name(manifest.name.removesuffix(MANIFEST))
    try:
        content = manifest.read_bytes()
    except OSError as error:
        raise InputError(f"{manifest}: cannot be read: {error.strerror}", id="file-not-usable") from None
    record = read_manifest(content, str(manifest))
    if wheel != manifest.with_name(record.file) or not wheel.is_file():
        raise InputError(
            f"{manifest}: its wheel {record.file} is not beside it; build it again or remove both",
            id="manifest-without-wheel",
        )
    digest = hashlib.sha256(content).hexdigest()
    return wheel, replace(record, manifest_sha256=digest, yanked=reason_beside(wheel))


def site_files(wheel: Path, record: WheelRecord) -> dict[str, Content]:
    """The wheel, its METADATA and its manifest by their path below a site.

    Raises InputError for a wheel whose bytes, or whose METADATA's, are not those of its manifest.
    """
    metadata = core_metadata(wheel)
    digests = (_digest_of(wheel), hashlib.sha256(metadata).hexdigest())
    if digests != (record.sha256, record.metadata_sha256 or digests[1]):
        raise InputError(f"{wheel} is not the file that its manifest describes; build it again", id="manifest-mismatch")
    path = f"files/{record.target.deepspeed}/{record.file}"
    return {path: wheel, path + SUFFIX: metadata, path + MANIFEST: manifest_path(wheel)}


def _digest_of(wheel: Path) -> str:
    try:
        return sha256_of(wheel)
    except OSError as error:
        raise InputError(f"{wheel}: cannot be read: {error.strerror}", id="file-not-usable") from None
