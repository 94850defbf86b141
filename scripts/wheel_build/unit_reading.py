"""What a unit is made from: the files that its compiler read, and what it would have read had it been there.

A key of contents alone would miss a header that begins to exist earlier on the include path. So every name that the
files which were read ask for, in whatever #if, is looked up in every folder that the compiler searches, in order, and
which of them have it belongs to the key. cl looks for a name in quotes beside every file that is open as well, not only
beside the one that asks (Microsoft's reference of #include); a list does not tell which were, so beside all of them.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from scripts.files import sha256_of
from scripts.wheel_build.asked_names import Asked, asked_in
from scripts.wheel_build.places import Places

CLOCK_STEP_NS = 20_000_000  # by how much the times of files may lag behind the clock


@dataclass(frozen=True, kw_only=True)
class UnitReading:
    """What one compile of a unit read, by the names of its places."""

    files: tuple[str, ...]
    names: tuple[str, ...]  # that the files ask for, "torch/extension.h"
    beside: tuple[str, ...]  # where a name in quotes would have been found first, and was not
    folders: tuple[str, ...]  # of the files, where cl would have found one

    @classmethod
    def of(cls, document: Mapping[str, Sequence[str]]) -> UnitReading:
        """The reading that became the document; raises KeyError or TypeError for another one."""
        return cls(**{one.name: tuple(document[one.name]) for one in fields(cls)})

    def digest(self) -> str:
        """Tells it from every other."""
        return hashlib.sha256(json.dumps(asdict(self)).encode()).hexdigest()


@dataclass
class Disk:
    """What lies on the disk, each file read once as long as its size and times stay."""

    digests: dict[Path, tuple[tuple[int, int], str]] = field(default_factory=dict)
    asked: dict[str, Asked] = field(default_factory=dict)  # by digest of the file
    folders: dict[Path, frozenset[str] | None] = field(default_factory=dict)  # names as the system tells them apart

    def digest(self, path: Path) -> str | None:
        """The content's digest; None for what is not there."""
        try:
            found = path.stat()
            state = (found.st_size, max(found.st_mtime_ns, found.st_ctime_ns))
            if self.digests.get(path, (None, ""))[0] != state:
                self.digests[path] = (state, sha256_of(path))
        except OSError:
            return None
        return self.digests[path][1]

    def asked_by(self, path: Path) -> Asked:
        """What the file asks for; raises OSError when it cannot be read."""
        digest = self.digest(path)
        if digest is None:
            raise FileNotFoundError(str(path))
        if digest not in self.asked:
            self.asked[digest] = asked_in(path.read_bytes())
        return self.asked[digest]

    def listing(self, folder: Path) -> frozenset[str] | None:
        """The names in the folder, looked up once; None for one that may be searched, perhaps, but not listed."""
        if folder not in self.folders:
            try:
                self.folders[folder] = frozenset(os.path.normcase(entry.name) for entry in os.scandir(folder))
            except PermissionError:
                self.folders[folder] = None
            except OSError:
                self.folders[folder] = frozenset()
        return self.folders[folder]

    def present(self, folder: Path, names: Mapping[str, Sequence[str]]) -> list[str]:
        """Those of the names (grouped by their first part) that are files in the folder."""
        here = self.listing(folder)
        return [
            name
            for first, group in names.items()
            if here is None or os.path.normcase(first) in here or first in (".", "..")
            for name in group
            if os.path.isfile(folder / name)  # noqa: PTH113 - a Path raises for a folder that may not be searched
        ]

    def changed_since(self, paths: Iterable[Path], moment_ns: int) -> bool:
        """Whether one of the files was written, or put where it is, at or after the moment, or is gone."""
        try:
            return any(_is_newer(path, moment_ns) for path in paths)
        except OSError:
            return True


def _is_newer(path: Path, moment_ns: int) -> bool:
    """Whether the file was written or put there at or after the moment.

    A file that was put there keeps the time at which it was written, so the time of its other changes counts, too; but
    of a file with several links that is also changed by a link elsewhere: uv, which links what it installs, changes the
    headers of every torch on the disk when it fills one more environment. So then the folder must have changed, too.
    """
    found = path.stat()
    if found.st_mtime_ns >= moment_ns or found.st_ctime_ns < moment_ns:
        return found.st_mtime_ns >= moment_ns
    return found.st_nlink < 2 or path.parent.stat().st_mtime_ns >= moment_ns


def reading_of(
    paths: Iterable[Path], searched: Sequence[Path], places: Places, disk: Disk, *, of_cl: bool = False
) -> UnitReading | None:
    """The reading of a compile that read these files and searched these folders; OSError when one is gone.

    None when it may have taken in what no list tells. `of_cl`: whether cl read them, for itself or for nvcc.
    """
    paths = sorted(set(paths))
    asked = {path: disk.asked_by(path) for path in paths}
    if any(one.unlisted for one in asked.values()):
        return None
    names = {name for one in asked.values() for name in one.names}
    beside = {path.parent / name for path, one in asked.items() for name in one.quoted if not of_cl}
    by_macro = {name for path in paths for name in _below(path, searched)} - names  # which no #include spells so
    beside |= {path.parent / name for path, one in asked.items() if one.by_macro for name in by_macro}
    beside |= {Path(name) for name in names if os.path.isabs(name)}  # noqa: PTH117 - a text
    if not of_cl and _precompiled(names | by_macro, beside.union(paths), searched, disk):
        return None
    return UnitReading(
        files=tuple(sorted(places.named(str(path)) for path in paths)),
        names=tuple(sorted(names | by_macro)),
        beside=tuple(sorted(places.named(str(path)) for path in beside.difference(paths))),
        folders=tuple(sorted({places.named(str(path.parent)) for path in paths})) if of_cl else (),
    )


def content_digest(reading: UnitReading, searched: Sequence[Path], places: Places, disk: Disk) -> str | None:
    """The digest of what the reading's files hold now and of where its names are found; None when a file is gone.

    `searched` are the folders that the compiler searches, in order.
    """
    contents, paths = [], [places.path(file) for file in reading.files]
    for path in paths:
        digest = disk.digest(path)
        if digest is None:
            return None
        contents.append(digest)
    grouped = _grouped(reading.names)
    folders = [*searched, *map(places.path, reading.folders)]
    found = [(folder, disk.present(folder, grouped)) for folder in folders]
    where = [[places.named(str(folder)), names] for folder, names in found]
    links = [] if reading.folders else [places.named(one) for one in _links({str(path) for path in paths}, found)]
    beside = [file for file in reading.beside if os.path.isfile(places.path(file))]  # noqa: PTH113 - see `present`
    return hashlib.sha256(json.dumps([contents, where, links, beside]).encode()).hexdigest()


def _grouped(names: Iterable[str]) -> dict[str, list[str]]:
    """The names by their first part."""
    grouped: dict[str, list[str]] = {}
    for name in names:
        grouped.setdefault(name.split("/", 1)[0], []).append(name)
    return grouped


def _precompiled(names: Iterable[str], files: Iterable[Path], searched: Sequence[Path], disk: Disk) -> bool:
    """Whether GCC may have taken a header that somebody precompiled, of which it lists nothing that is in there."""
    grouped = _grouped(f"{name}.gch" for name in names)
    beside = (os.path.isfile(f"{file}.gch") for file in files)  # noqa: PTH113 - see `present`
    return any(beside) or any(disk.present(folder, grouped) for folder in searched)


def _links(read: Collection[str], found: Iterable[tuple[Path, Sequence[str]]]) -> Iterator[str]:
    """Which of the files that were read each name leads to that is none of them as it is spelled.

    GCC lists a header of the system as it is spelled without links where that is shorter: so of a link that leads
    elsewhere now, both files may still be what they were.
    """
    for folder, names in found:
        for name in names:
            if (path := os.path.join(folder, name)) not in read:  # noqa: PTH118 - thousands of them
                yield real if (real := os.path.realpath(path)) in read else ""


def _below(path: Path, folders: Sequence[Path]) -> list[str]:
    """The path as seen from each folder that it lies in."""
    text = os.path.normcase(path)
    starts = (os.path.normcase(folder) + os.sep for folder in folders)
    return [text[len(start) :].replace(os.sep, "/") for start in starts if text.startswith(start)]
