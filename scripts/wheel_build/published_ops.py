"""Ops taken out of wheels that are published: what no cache has any more costs a download instead of a compile.

The index has the digest of each wheel's manifest, the manifest the key of each op and the digest of its binary: whoever
trusts the index trusts what is taken. An op's key is that of the op cache, so a hit here is what a hit there would be.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

from scripts.command import Log
from scripts.errors import PrerequisiteError
from scripts.fetch.download import Download, download_all, read_small
from scripts.fetch.wheel_part import AHEAD, RemoteFile
from scripts.files import discard, write_whole
from scripts.plan.build_order import nearest_releases
from scripts.plan.target import Target
from scripts.wheel.manifest import MANIFEST
from scripts.wheel.members import DAMAGED, MOST_BYTES_OF_MODULE
from scripts.wheel.published import Published
from scripts.wheel.record import WheelRecord
from scripts.wheel_build.cache import OpCache

MANIFEST_BYTES = 16_000_000
PART = 0.5  # of a wheel, up to which its ops are read one by one


@dataclass(frozen=True, kw_only=True)
class OfferedWheel:
    """A published wheel and its address."""

    record: WheelRecord
    url: str


@dataclass(frozen=True, kw_only=True)
class OfferedOp:
    """An op of a published wheel, as the wheel's manifest has it."""

    op: str
    key: str
    file: str  # its path in the wheel
    sha256: str
    bytes: int
    seconds: float
    peak_bytes: int


@dataclass(frozen=True, kw_only=True)
class PublishedOps:
    """The published wheels that may have ops of one build, and where what is taken out of them goes."""

    wheels: tuple[OfferedWheel, ...]
    folder: Path  # for wheels that are downloaded whole
    log: Log

    def fetch(self, wanted: Mapping[str, str], cache: OpCache) -> None:
        """Put the ops that are wanted, each by its key, into the cache as far as the wheels have them.

        What fails is told, and what was not found is compiled. Raises OSError when the cache cannot be written.
        """
        missing = dict(wanted)
        for wheel in self.wheels:
            if not missing:
                return
            try:
                found = self._ops_of(wheel, missing)
            except PrerequisiteError as error:
                self.log(f"  no op is taken out of a published wheel, what is missing is compiled: {error}")
                return
            for op, content in found.items():
                self._keep(op, content, wheel, cache)
                del missing[op.op]

    def _ops_of(self, wheel: OfferedWheel, missing: Mapping[str, str]) -> dict[OfferedOp, bytes]:
        content = read_small(wheel.url + MANIFEST, MANIFEST_BYTES)
        if hashlib.sha256(content).hexdigest() != wheel.record.manifest_sha256:
            message = f"{wheel.url}{MANIFEST} is not the manifest that the index has the digest of"
            raise PrerequisiteError(message, id="digest-mismatch")
        found = [op for op in offered_ops(content) if missing.get(op.op) == op.key]
        return _members(wheel, found, self.folder / wheel.record.file, self.log) if found else {}

    def _keep(self, op: OfferedOp, content: bytes, wheel: OfferedWheel, cache: OpCache) -> None:
        binary = self.folder / op.sha256
        write_whole(binary, content)
        cost = {"seconds": op.seconds, "peak_bytes": op.peak_bytes}
        try:
            cache.put(op.key, binary, {"op": op.op, "file": op.file, **cost, "published_in": wheel.record.file})
        finally:
            discard(binary)
        self.log(f"  {op.op} is the one of {wheel.record.file}, which is published")


def wheels_to_ask(published: Published, target: Target, cpu_level: str) -> tuple[OfferedWheel, ...]:
    """The published wheels that may have ops of the target: those of its torch, CUDA, Python and platform.

    The nearest releases first.
    """
    found: dict[str, WheelRecord] = {}
    for record in published.wheels:
        other = record.target
        same = all(getattr(other, axis) == getattr(target, axis) for axis in ("torch", "cuda", "python", "platform"))
        if same and record.manifest_sha256 and record.cpu_level == cpu_level and not record.yanked:
            found[other.deepspeed] = record
    nearest = (found[release] for release in nearest_releases(target.deepspeed, found))
    return tuple(OfferedWheel(record=record, url=published.address(record)) for record in nearest)


def made_alike(wheels: Iterable[OfferedWheel], torch: str, toolchain: Mapping[str, str]) -> tuple[OfferedWheel, ...]:
    """Those of the wheels that the toolchain made with this very torch: no op of another has the key of one of ours."""
    return tuple(
        wheel
        for wheel in wheels
        if wheel.record.torch == torch
        and all(wheel.record.toolchain.get(name) == value for name, value in toolchain.items())
    )


def offered_ops(manifest: bytes) -> tuple[OfferedOp, ...]:
    """The ops that a manifest has with key and digest (writers before 0.3 left that out); none of a strange one."""
    try:
        stated = {op: found for op, found in json.loads(manifest)["ops"].items() if found.get("sha256")}
        return tuple(_offered(op, found) for op, found in stated.items())
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError):
        return ()


def _offered(op: str, found: Mapping[str, Any]) -> OfferedOp:
    """The op as it is stated; raises ValueError for what no build states."""
    seconds, peak_bytes, size = float(found["seconds"]), int(found["peak_bytes"]), int(found["bytes"])
    texts = {name: found[name] for name in ("key", "file", "sha256")}
    if not all(isinstance(text, str) for text in texts.values()) or not 0 <= seconds < inf:
        raise ValueError(op)
    if peak_bytes < 0 or not 0 <= size <= MOST_BYTES_OF_MODULE:
        raise ValueError(op)
    return OfferedOp(op=op, **texts, bytes=size, seconds=seconds, peak_bytes=peak_bytes)


def _members(wheel: OfferedWheel, ops: Sequence[OfferedOp], whole: Path, log: Log) -> dict[OfferedOp, bytes]:
    """The binaries of the ops, each as its digest says: read where they lie in the wheel, or out of the whole wheel."""
    record = wheel.record
    try:
        with zipfile.ZipFile(io.BufferedReader(RemoteFile(wheel.url, record.bytes), AHEAD)) as remote:
            if sum(remote.getinfo(op.file).compress_size for op in ops) <= PART * record.bytes:
                return _read(remote, record, ops)
    except (PrerequisiteError, *DAMAGED):
        log(f"  {record.file}: no part of it can be read by itself, so all of it is downloaded")
    download_all([Download(url=wheel.url, path=whole, sha256=record.sha256, size=record.bytes)], log=log)
    try:
        with zipfile.ZipFile(whole) as archive:
            return _read(archive, record, ops)
    except DAMAGED as error:
        raise PrerequisiteError(f"{record.file}: {error}", id="digest-mismatch") from None
    finally:
        discard(whole)


def _read(archive: zipfile.ZipFile, record: WheelRecord, ops: Sequence[OfferedOp]) -> dict[OfferedOp, bytes]:
    found = {}
    for op in sorted(ops, key=lambda one: archive.getinfo(one.file).header_offset):
        as_stated = archive.getinfo(op.file).file_size == op.bytes  # before it is read: it could be endless
        content = archive.read(op.file) if as_stated else b""
        if hashlib.sha256(content).hexdigest() != op.sha256:
            message = f"{record.file}: {op.file} is not what the wheel's manifest says"
            raise PrerequisiteError(message, id="digest-mismatch")
        found[op] = content
    return found
