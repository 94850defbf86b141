"""The records of what a store has published, from its manifests: no wheel is downloaded, no manifest twice."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from scripts.command import Log
from scripts.errors import DataError
from scripts.publish.store import Asset, Store
from scripts.wheel.core_metadata import SUFFIX
from scripts.wheel.documents import read_manifest
from scripts.wheel.manifest import MANIFEST
from scripts.wheel.record import WheelRecord
from scripts.wheel.wheelhouse import why_not_verified
from scripts.wheel.withdrawal import WITHDRAWN, read_withdrawal

AT_ONCE = 8  # manifests


@dataclass(frozen=True, kw_only=True)
class PublishedWheel:
    """A wheel and its manifest, as the store has them."""

    wheel: Asset
    manifest: Asset
    has_metadata: bool
    note: Asset | None  # that it was withdrawn
    released: str | None  # when its release became public

    @property
    def uploaded(self) -> str | None:
        """Since when anybody can download it: an upload to a draft is seen when the release is."""
        return max((time for time in (self.wheel.uploaded, self.released) if time), default=None)

    @property
    def url(self) -> str | None:
        """Where the wheel can be downloaded; some hosts take + for a blank."""
        return self.wheel.url.replace("+", "%2B") if self.wheel.url else None


def store_records(store: Store, known: Mapping[str, WheelRecord], damage: Log) -> tuple[WheelRecord, ...]:
    """The record of every published wheel, with its address there.

    `known` are records of an earlier index by file name: one whose wheel still has its address and bytes is taken as it
    is. A wheel whose manifest cannot be read, or is of other bytes, is left out, and the reason handed to `damage`.
    Raises PublishError when the store cannot be read.
    """

    def record_of(found: PublishedWheel) -> WheelRecord | None:
        try:
            return _record(store, found, known)
        except DataError as error:
            damage(f"{found.wheel.name} in {store.address}: {error}")
            return None

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return tuple(record for record in pool.map(record_of, _published(store)) if record)


def _published(store: Store) -> Iterator[PublishedWheel]:
    public = [release for release in store.releases() if not release.draft]
    every = [{asset.name: asset for asset in store.assets(release) if asset.complete} for release in public]
    notes = {name: asset for assets in every for name, asset in assets.items() if name.endswith(WITHDRAWN)}
    for release, assets in zip(public, every, strict=True):
        for name, asset in assets.items():
            if name.endswith(".whl") and name + MANIFEST in assets:
                yield PublishedWheel(
                    wheel=asset,
                    manifest=assets[name + MANIFEST],
                    has_metadata=name + SUFFIX in assets,
                    note=notes.get(name + WITHDRAWN),
                    released=release.published,
                )


def _record(store: Store, found: PublishedWheel, known: Mapping[str, WheelRecord]) -> WheelRecord:
    wheel, before = found.wheel, known.get(found.wheel.name)
    digest = store.digest(wheel)
    yanked = read_withdrawal(store.read(found.note), found.note.name) if found.note else None
    if before and before.manifest_sha256 and (before.sha256, before.url) == (digest, found.url):
        return replace(before, yanked=yanked, uploaded=found.uploaded)
    content = store.read(found.manifest)
    record = read_manifest(content, found.manifest.name)
    if (record.file, record.sha256) != (wheel.name, digest):
        raise DataError(found.manifest.name, ["it is not the manifest of the wheel beside it"])
    if reason := why_not_verified(record.verification):
        raise DataError(found.manifest.name, [f"proof: {reason}"])
    metadata_sha256 = record.metadata_sha256 if found.has_metadata else None
    return replace(
        record,
        url=found.url,
        metadata_sha256=metadata_sha256,
        manifest_sha256=hashlib.sha256(content).hexdigest(),
        uploaded=found.uploaded,
        yanked=yanked,
    )
