"""`Store`: where releases are kept, in the few steps that publishing is made of; and what it states of itself.

A release holds assets (files) under a tag. It begins as a draft, which nobody but the publisher sees.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from scripts.files import sha256_of

STAGED = ".upload"  # behind the name of an asset of a published release that is not checked yet
SUMS = "SHA256SUMS"
TAG = re.compile(r"v(?P<version>[0-9][0-9.]*)(?:-(?P<number>[2-9]|[1-9][0-9]+))?")

Watch = Callable[[str, int], None]  # gets the name of an asset and how many more of its bytes were sent


@dataclass(frozen=True, kw_only=True)
class Asset:
    """A file of a release, as the store states it."""

    id: str
    name: str
    size: int  # bytes
    sha256: str | None  # None when the store does not state it; see `Store.digest`
    url: str | None = None  # where anybody can download it, once it is public
    uploaded: str | None = None  # when its upload began, "2026-01-31T12:00:00Z"; None when the store does not state it
    complete: bool = True  # False for an upload that was cut off: it takes up the name, and nobody can download it


@dataclass(frozen=True, kw_only=True)
class Release:
    """A release, as the store states it; without its assets."""

    id: str
    tag: str
    draft: bool
    immutable: bool = False  # no asset may be added any more (GitHub: an immutable release)
    upload_url: str = ""
    published: str | None = None  # when it became public; None for a draft, and when the store does not state it

    @property
    def version(self) -> str:
        """The DeepSpeed version that the tag names; empty for a tag that is not ours."""
        match = TAG.fullmatch(self.tag)
        return match["version"] if match else ""

    @property
    def number(self) -> int:
        """1 for `v0.19.8`, 2 for `v0.19.8-2`; 0 for a tag that is not ours."""
        match = TAG.fullmatch(self.tag)
        return int(match["number"] or 1) if match else 0


def tag_of(version: str, number: int) -> str:
    """`v0.19.8` for the first release of a version, `v0.19.8-2` for the second."""
    return f"v{version}" if number == 1 else f"v{version}-{number}"


@dataclass(frozen=True, kw_only=True)
class Payload:
    """A file to publish: its name, and its content or the path of it."""

    name: str
    size: int  # bytes
    sha256: str
    source: Path | bytes

    def open(self) -> BinaryIO:
        """The content, from its beginning."""
        return io.BytesIO(self.source) if isinstance(self.source, bytes) else self.source.open("rb")

    def is_in(self, asset: Asset | None) -> bool:
        """Whether the asset is there, whole and has these very bytes."""
        return asset is not None and asset.complete and (asset.size, asset.sha256) == (self.size, self.sha256)


def payload_of_file(path: Path) -> Payload:
    """A file as a payload; reads it once."""
    return Payload(name=path.name, size=path.stat().st_size, sha256=sha256_of(path), source=path)


def payload_of_bytes(name: str, content: bytes) -> Payload:
    """Bytes as a payload."""
    return Payload(name=name, size=len(content), sha256=hashlib.sha256(content).hexdigest(), source=content)


class Store(Protocol):
    """Where releases are kept. Every method raises PublishError when the store cannot be read or written."""

    address: str  # as typed: "dir:PATH", "github:OWNER/REPO"

    def releases(self) -> tuple[Release, ...]:
        """Every release whose tag is ours, drafts included."""

    def assets(self, release: Release) -> tuple[Asset, ...]:
        """The assets of a release, all of them."""

    def digest(self, asset: Asset) -> str:
        """The SHA-256 of an asset's content: what the store states, else from the content itself."""

    def read(self, asset: Asset) -> bytes:
        """The content of an asset."""

    def create(self, tag: str, title: str, text: str) -> Release:
        """A new draft; the one that is there when a draft has the tag."""

    def upload(self, release: Release, payload: Payload, name: str, watch: Watch) -> Asset:
        """The asset that now holds the payload under `name`, as the store states it; nothing is ever replaced."""

    def rename(self, asset: Asset, name: str) -> None:
        """Give an asset its final name, which must be free."""

    def delete(self, asset: Asset) -> None:
        """Remove an asset; one that is gone already is no error."""

    def publish(self, release: Release) -> None:
        """Make a draft public, with all its assets at once."""
