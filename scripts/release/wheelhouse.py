"""The wheels of a folder here, a wheelhouse or a `dir:` store, as records and as files that a site can serve."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from scripts.errors import InputError
from scripts.fetch.digest import sha256_of
from scripts.release.core_metadata import SUFFIX, core_metadata
from scripts.release.manifest import manifest_path
from scripts.release.produce import FAILED
from scripts.release.record import WheelRecord, read_manifest
from scripts.release.tree import Content


def filed_wheels(folder: Path) -> dict[Path, WheelRecord]:
    """The wheels below the folder with their records; no failed ones, no drafts, none of fewer ops than there are.

    Raises InputError for no folder and for a wheel that is not there or not the manifest's, DataError for a manifest
    that cannot be read.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder; give the one that holds the wheels")
    return dict(_filed(folder))


def _filed(folder: Path) -> Iterator[tuple[Path, WheelRecord]]:
    for manifest in sorted(folder.rglob("*.whl.json")):
        inside = manifest.relative_to(folder).parts[:-1]
        if FAILED in inside or any(part.startswith("only-") or part.endswith(".draft") for part in inside):
            continue
        wheel = manifest.with_name(manifest.name.removesuffix(".json"))
        record = read_manifest(manifest.read_bytes(), str(manifest))
        if wheel != manifest.with_name(record.file) or manifest_path(wheel) != manifest or not wheel.is_file():
            raise InputError(f"{manifest}: its wheel {record.file} is not beside it; build it again or take it away")
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
