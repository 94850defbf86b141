"""Withdraws a published wheel, or offers it again: the note of it goes to the store, the wheel is not touched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from scripts.errors import InputError, PublishError
from scripts.plan.target import Target, name_without_level
from scripts.publish.store import STAGED, Asset, Release, Store, payload_of_bytes
from scripts.wheel.withdrawal import WITHDRAWN, read_withdrawal, withdrawal_text


@dataclass(frozen=True, kw_only=True)
class Withdrawal:
    """What a withdrawal, or its end, came to."""

    wheel: str  # its file name
    changed: bool  # whether it was otherwise before


@dataclass(frozen=True, kw_only=True)
class PublishedFiles:
    """A wheel that is public, and the note of it, if there is one."""

    wheel: Asset
    home: Release | None  # where a note can be put: no release that takes no more files
    note: Asset | None
    reason: str | None


def find_wheel(store: Store, target: Target) -> PublishedFiles:
    """The target's wheel in the store; raises PublishError when it is not public there."""
    releases = [each for each in store.releases() if each.version == target.deepspeed and not each.draft]
    found = [(release, _complete(store, release)) for release in releases]
    wheels = [
        (release, assets[name])
        for release, assets in found
        for name in assets
        if name_without_level(name) == target.wheel_name
    ]
    if not wheels:
        raise PublishError(
            f"{store.address} has not published {target.wheel_name}; 'invoke plan --missing' lists what it has not",
            id="wheel-not-published",
        )
    wheel = wheels[0][1]
    name = wheel.name + WITHDRAWN
    note = next((assets[name] for _, assets in found if name in assets), None)
    homes = [*(release for release, _ in wheels), *releases]
    return PublishedFiles(
        wheel=wheel,
        home=next((release for release in homes if not release.immutable), None),
        note=note,
        reason=read_withdrawal(store.read(note), name) if note else None,
    )


def withdraw(store: Store, target: Target, reason: str, *, dry_run: bool = False) -> Withdrawal:
    """The wheel, offered no more. Raises PublishError, and can be repeated."""
    found = find_wheel(store, target)
    reason = " ".join(reason.split())
    if found.reason == reason:
        return Withdrawal(wheel=found.wheel.name, changed=False)
    if found.reason is not None:
        raise InputError(
            f"{target.id} is withdrawn already: {found.reason}; give --undo first for another reason",
            id="wheel-withdrawn",
        )
    if found.home is None:
        raise PublishError(
            f"the releases of DeepSpeed {target.deepspeed} in {store.address} take no more files; publish another "
            "wheel of it first, which makes a release that does",
            id="release-immutable",
        )
    if not dry_run:
        _put(store, found.home, found.wheel.name, reason)
    return Withdrawal(wheel=found.wheel.name, changed=True)


def offer_again(store: Store, target: Target, *, dry_run: bool = False) -> Withdrawal:
    """The wheel, offered again."""
    found = find_wheel(store, target)
    if found.note is not None and not dry_run:
        store.delete(found.note)
    return Withdrawal(wheel=found.wheel.name, changed=found.note is not None)


def _put(store: Store, release: Release, wheel: str, reason: str) -> None:
    """The note under its name once the store states that it has it whole."""
    payload = payload_of_bytes(wheel + WITHDRAWN, withdrawal_text(wheel, reason).encode())
    left = _complete(store, release).get(payload.name + STAGED)
    if left is not None:  # of a run that was stopped
        store.delete(left)
    asset = store.upload(release, payload, payload.name + STAGED, lambda name, count: None)
    if (asset.size, asset.sha256 or store.digest(asset)) != (payload.size, payload.sha256):
        store.delete(asset)
        raise PublishError(f"{payload.name}: arrived with other bytes than were sent; run again", id="upload-damaged")
    store.rename(asset, payload.name)


def _complete(store: Store, release: Release) -> Mapping[str, Asset]:
    return {asset.name: asset for asset in store.assets(release) if asset.complete}
