"""The object cache: a compiled unit, found again by its command and by the content of every file its compiler read.

What a unit reads is known only when it was compiled. So there are two steps, as in ccache's direct mode: under the key
of the command lie the readings seen with it; a reading and what its files hold now give the key of the object.
Looking up costs no preprocessing. Python's and torch's version are in no key: a unit that reaches none of their headers
is the same for all of them.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from scripts.files import discard, last_use, touch, write_whole
from scripts.wheel_build.cache import CachedOp, OpCache
from scripts.wheel_build.places import Places
from scripts.wheel_build.unit_reading import Disk, UnitReading, content_digest, reading_of

SCHEMA = 3
OBJECTS_BYTES = 2 * 1024**3
READINGS_BYTES = 128 * 1024**2
READINGS_EACH = 24  # of one command: releases, Pythons and torches that were seen with it


@dataclass(frozen=True, kw_only=True)
class UnitWork:
    """One unit's compile, as far as it is known before: the key of its command and the folders that it searches."""

    command: str
    searched: tuple[Path, ...]
    of_cl: bool = False  # whether cl reads the headers, for itself or for nvcc


@dataclass(frozen=True)
class ObjectCache:
    """A directory of readings and objects; safe to share between processes, since each is one file or renamed whole."""

    directory: Path
    disk: Disk = field(default_factory=Disk, compare=False, repr=False)

    @property
    def objects(self) -> OpCache:
        """The objects by key."""
        return OpCache(self.directory / "objects")

    def get(self, work: UnitWork, places: Places, to: Path) -> CachedOp | None:
        """The object of this work, copied `to`; None when none of what was read before is as it was."""
        for file in self._readings_of(work.command):
            reading = _read(file)
            if reading is None:
                discard(file)
                continue
            key = self._key(work, reading, places)
            if key and (hit := self.objects.get(key, to)):
                touch(file)
                return hit
        return None

    def put(self, work: UnitWork, places: Places, read: Sequence[Path], made: Path, meta: Mapping[str, Any]) -> None:
        """Keep a copy of the object `made` from the files `read`, if these are all that it is made from.

        Raises OSError when it cannot be written.
        """
        reading = reading_of(read, work.searched, places, self.disk, of_cl=work.of_cl)
        key = self._key(work, reading, places) if reading else None
        if not reading or not key:
            return
        self.objects.put(key, made, meta)
        content = zlib.compress(json.dumps(asdict(reading)).encode())
        write_whole(self._folder(work.command) / reading.digest(), content)
        for old in self._readings_of(work.command)[READINGS_EACH:]:
            discard(old)

    def prune(self, objects_bytes: int = OBJECTS_BYTES, readings_bytes: int = READINGS_BYTES) -> int:
        """Remove what was used longest ago beyond these sizes; how much was removed."""
        removed, total = self.objects.prune(objects_bytes), 0
        for _, size, file in sorted(self._uses(), reverse=True):
            total += size
            if total > readings_bytes:
                discard(file)
                removed += 1
        return removed

    def _key(self, work: UnitWork, reading: UnitReading, places: Places) -> str | None:
        content = content_digest(reading, work.searched, places, self.disk)
        if content is None:
            return None
        return hashlib.sha256(json.dumps([SCHEMA, work.command, reading.digest(), content]).encode()).hexdigest()

    def _folder(self, command: str) -> Path:
        return self.directory / "readings" / command[:2] / command

    def _readings_of(self, command: str) -> list[Path]:
        """The readings seen with the command, the one used last first."""
        found = []
        with suppress(OSError):
            for file in self._folder(command).iterdir():
                if len(file.name) == 64:  # not a draft
                    found.append((last_use(file.stat()), file))
        return [file for _, file in sorted(found, reverse=True)]

    def _uses(self) -> Iterator[tuple[int, int, Path]]:
        for file in self.directory.glob("readings/??/*/*"):
            with suppress(OSError):  # another process removes it meanwhile
                found = file.stat()
                yield last_use(found), found.st_size, file


def command_key(argv: Sequence[str], identity: Mapping[str, Any]) -> str:
    """The key of a command whose places are named, and of what beside files can change what it makes."""
    text = json.dumps([SCHEMA, list(argv), identity], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _read(file: Path) -> UnitReading | None:
    try:
        reading = UnitReading.of(json.loads(zlib.decompress(file.read_bytes())))
    except (OSError, ValueError, KeyError, TypeError, zlib.error):
        return None
    return reading if reading.digest() == file.name else None
