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
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from scripts.files import sha256_of
from scripts.wheel_build.headers import SPACE
from scripts.wheel_build.places import Places

ASKED = re.compile(
    rb"(?:#" + SPACE + rb"(?:include_next|include|import)|__has_include(?:_next)?" + SPACE + rb"\()" + SPACE
    + rb'(?:<([^>\n]+)>|"([^"\n]+)")'
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class UnitReading:
    """What one compile of a unit read, by the names of its places."""

    files: tuple[str, ...]
    names: tuple[str, ...]  # that the files ask for, "torch/extension.h"
    beside: tuple[str, ...]  # where a name in quotes would have been found first, and was not
    folders: tuple[str, ...]  # of the files, where cl would have found one

    def digest(self) -> str:
        """Tells it from every other."""
        return hashlib.sha256(json.dumps(asdict(self)).encode()).hexdigest()


@dataclass
class Disk:
    """What lies on the disk, each file read once as long as its size and times stay."""

    digests: dict[Path, tuple[tuple[int, int], str]] = field(default_factory=dict)
    asked: dict[str, tuple[frozenset[str], frozenset[str]]] = field(default_factory=dict)  # by digest of the file
    folders: dict[Path, frozenset[str]] = field(default_factory=dict)  # names as the system tells them apart

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

    def names_in(self, path: Path) -> tuple[frozenset[str], frozenset[str]]:
        """The names that the file asks for, and those of them in quotes; raises OSError when it cannot be read."""
        digest = self.digest(path)
        if digest is None:
            raise FileNotFoundError(str(path))
        if digest not in self.asked:
            self.asked[digest] = names_in(path.read_bytes())
        return self.asked[digest]

    def listing(self, folder: Path) -> frozenset[str]:
        """The names in the folder; looked up once."""
        if folder not in self.folders:
            try:
                self.folders[folder] = frozenset(os.path.normcase(entry.name) for entry in os.scandir(folder))
            except OSError:
                self.folders[folder] = frozenset()
        return self.folders[folder]

    def present(self, folder: Path, names: Mapping[str, Sequence[str]]) -> list[str]:
        """Those of the names (grouped by their first part) that the folder has."""
        here = self.listing(folder)
        return [
            name
            for first, group in names.items()
            if os.path.normcase(first) in here or first in (".", "..")
            for name in group
            if name == first or (folder / name).exists()
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
) -> UnitReading:
    """The reading of a compile that read these files and searched these folders; OSError when one is gone.

    `of_cl`: whether it was cl that read them, for itself or for nvcc.
    """
    paths = sorted(set(paths))
    names: set[str] = set()
    beside: set[Path] = set()
    for path in paths:
        asked, quoted = disk.names_in(path)
        names |= asked
        beside |= {path.parent / name for name in quoted if not of_cl}
        names |= set(_below(path, searched))  # an #include of a macro names no file
    return UnitReading(
        files=tuple(sorted(places.named(str(path)) for path in paths)),
        names=tuple(sorted(names)),
        beside=tuple(sorted(places.named(str(path)) for path in beside.difference(paths))),
        folders=tuple(sorted({places.named(str(path.parent)) for path in paths})) if of_cl else (),
    )


def content_digest(reading: UnitReading, searched: Sequence[Path], places: Places, disk: Disk) -> str | None:
    """The digest of what the reading's files hold now and of where its names are found; None when a file is gone.

    `searched` are the folders that the compiler searches, in order.
    """
    contents = []
    for file in reading.files:
        digest = disk.digest(places.path(file))
        if digest is None:
            return None
        contents.append(digest)
    grouped: dict[str, list[str]] = {}
    for name in reading.names:
        grouped.setdefault(name.split("/", 1)[0], []).append(name)
    folders = [*searched, *map(places.path, reading.folders)]
    where = [[places.named(str(folder)), disk.present(folder, grouped)] for folder in folders]
    beside = [file for file in reading.beside if places.path(file).exists()]
    return hashlib.sha256(json.dumps([contents, where, beside]).encode()).hexdigest()


def names_in(content: bytes) -> tuple[frozenset[str], frozenset[str]]:
    """The names that a text asks for, and those of them in quotes."""
    found = ASKED.findall(content)
    quoted = frozenset(_name(quoted) for _, quoted in found if quoted)
    return quoted | {_name(angled) for angled, _ in found if angled}, quoted


def _below(path: Path, folders: Sequence[Path]) -> list[str]:
    """The path as seen from each folder that it lies in."""
    text = os.path.normcase(path)
    starts = (os.path.normcase(folder) + os.sep for folder in folders)
    return [text[len(start) :].replace(os.sep, "/") for start in starts if text.startswith(start)]


def _name(text: bytes) -> str:
    return text.decode("utf-8", "surrogateescape").strip().replace(os.sep, "/")
