"""Room and permission on the disks that a task writes to: asked before it begins, and what an error of one means."""

from __future__ import annotations

import errno
import os
import re
import shutil
import stat
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from scripts.errors import PrerequisiteError

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
REFUSED = {errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EISDIR, errno.EIO, errno.ENAMETOOLONG}
# what compilers, package clients and Python itself print when they cannot write
SAID = re.compile(
    r".*(?:No space left on device|Disk quota exceeded|There is not enough space on the disk|File too large).*"
)
NEXT = "free some, or name a directory on a larger disk, and run the same command again"


@dataclass(frozen=True, kw_only=True)
class Place:
    """A directory that will be written, how many bytes will come there, and what names another directory instead."""

    directory: Path
    bytes: int
    what: str  # "an environment with torch"
    moved_by: str  # "DEEPSPEED_WHEELS_CACHE names another"
    there: Path | None = None  # where some of the bytes may be already; None: in the directory


@dataclass(frozen=True, kw_only=True)
class Shortage:
    """A disk that has less room than the places on it need."""

    free: int
    lacking: tuple[tuple[Place, int], ...]  # the places, each with the bytes that still have to come

    @property
    def lines(self) -> list[str]:
        """Path and numbers, and what moves each directory."""
        needed = sum(size for _, size in self.lacking)
        root = nearest(self.lacking[0][0].directory)
        first = f"  the disk of {root} has {in_words(self.free)} free, and {in_words(needed)} are needed there:"
        rows = (
            f"    {in_words(size)} for {place.what} in {place.directory} ({place.moved_by})"
            for place, size in self.lacking
        )
        return [first, *rows]


def require_writable(subject: str, places: Sequence[Place], *, make: bool = True) -> None:
    """Raise PrerequisiteError unless every place can be written.

    Unless `make`, nothing is made: a directory that is not there is judged by the one that it would be made in.
    """
    refused = {place.directory: (place, reason) for place in places if (reason := why_not_writable(place, make=make))}
    if refused:
        lines = (f"  {path} cannot be written: {why}; {place.moved_by}" for path, (place, why) in refused.items())
        raise PrerequisiteError("\n".join([f"{subject}: nothing was begun", *lines]), id="not-writable")


def require_room(subject: str, places: Sequence[Place]) -> None:
    """Raise PrerequisiteError unless every disk has the room for all places on it."""
    lines = [line for shortage in shortages(places) for line in shortage.lines]
    if lines:
        raise PrerequisiteError("\n".join([f"{subject}: nothing was begun", *lines, f"  {NEXT}"]), id="disk-full")


def shortages(places: Sequence[Place]) -> list[Shortage]:
    """The disks that have too little room; directories are only measured where the room is scarce."""
    disks: defaultdict[int, list[Place]] = defaultdict(list)
    for place in places:
        disks[disk_of(place.directory)].append(place)
    found = []
    for on_disk in disks.values():
        free = shutil.disk_usage(nearest(on_disk[0].directory)).free
        if free >= sum(place.bytes for place in on_disk):
            continue
        sizes = ((place, max(0, place.bytes - bytes_in(place.there or place.directory))) for place in on_disk)
        lacking = tuple((place, size) for place, size in sizes if size)
        if free < sum(size for _, size in lacking):
            found.append(Shortage(free=free, lacking=lacking))
    return found


def why_not_writable(place: Place, *, make: bool = True) -> str | None:
    """Why the directory cannot be made or written, by trying it when it may be made; None when it can."""
    try:
        if make:
            place.directory.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=place.directory):
                return None
        found = nearest(place.directory)
        if not stat.S_ISDIR(found.stat().st_mode):
            return f"{found} is a file"
        return None if os.access(found, os.W_OK) else "permission denied or read-only"
    except OSError as error:
        return None if error.errno in FULL else error.strerror or str(error)


def nearest(path: Path) -> Path:
    """The path itself, or the first directory above it that is there."""
    return next((one for one in (path, *path.parents) if one.exists()), path)


def disk_of(path: Path) -> int:
    """The number of the file system that the path is, or would be, on."""
    try:
        return nearest(path).stat().st_dev
    except FileNotFoundError:  # a drive that is not there
        return -1


def bytes_in(directory: Path) -> int:
    """Bytes of all files below the directory; what cannot be looked at does not count."""
    total = 0
    for folder, _, names in os.walk(directory):
        for name in names:
            with suppress(OSError):
                total += Path(folder, name).lstat().st_size
    return total


def in_words(count: int) -> str:
    """`4.1 GB`, `12 MB`.

    >>> in_words(4_080_000_000), in_words(12_300_000), in_words(0)
    ('4.1 GB', '12 MB', '0 MB')
    """
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


# ---------------------------------------------------------------- on the way


@contextmanager
def located(path: Path) -> Iterator[None]:
    """Errors of the disk inside the block that name no path, or a draft of this one, name this one.

    The system names none when a write fails half-way.
    """
    try:
        yield
    except OSError as error:
        if error.errno in FULL | REFUSED:
            known = error.filename2 or error.filename
            error.filename = str(path) if known is None or str(known).startswith(f"{path}.") else known
            del error.filename2  # None would be shown
        raise


@contextmanager
def disk_errors() -> Iterator[None]:
    """Errors of the disk inside the block leave it as PrerequisiteError; every other one as it is."""
    try:
        yield
    except OSError as error:
        if (found := disk_error(error)) is None:
            raise
        raise found from None


def disk_error(error: OSError) -> PrerequisiteError | None:
    """What a failed write or read means to a user; None for an error that is not the disk's."""
    where = next((name for name in (error.filename2, error.filename) if isinstance(name, str)), "")
    if error.errno in FULL:
        room = f" ({in_words(shutil.disk_usage(nearest(Path(where))).free)} free)" if where else ""
        return PrerequisiteError(
            f"{where or 'a file'} cannot be written: {error.strerror}{room}; {NEXT}", id="disk-full"
        )
    if error.errno in REFUSED and where:
        return PrerequisiteError(
            f"{where}: {error.strerror}; correct its permissions, or name another directory", id="not-writable"
        )
    if isinstance(error, FileNotFoundError) and str(error.strerror).startswith("No usable temporary directory"):
        return PrerequisiteError(f"{error.strerror}; set TMPDIR to one that can be written", id="not-writable")
    return None


def said_full(output: str) -> str | None:
    """The last line of a program's output that says a disk is full; None when none does."""
    lines = SAID.findall(output)
    return str(lines[-1]).strip() if lines else None
