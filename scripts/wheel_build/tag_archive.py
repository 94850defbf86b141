"""The archive of a tag, of which only that is taken which the sdist or a row vouches for.

GitHub states no digest of such an archive, and makes it anew when it likes; the sdist's is pinned. What both have must
be the same, and what only the tag has never reaches the disk, so setup.py can neither import nor run it.
"""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from scripts.errors import SourceError
from scripts.facts.tag_files import TagFile
from scripts.fetch.archive import DAMAGED

MOST_BYTES = 1 << 29  # of the whole archive, unpacked: a real one has a fifth of that
GZIP = b"\x1f\x8b"
NAMED = 5  # of the files in question


@dataclass(frozen=True, kw_only=True)
class SourceMember:
    """A file of an archive."""

    content: bytes
    executable: bool


def vouched_members(
    tag: Path, sdist: Path, rows: Sequence[TagFile], version: str
) -> tuple[dict[str, SourceMember], tuple[str, ...]]:
    """What of the tag may be built from, by name, and the names of what is left out.

    Raises SourceError when the tag lacks a file of the sdist, has another one in its place, or one of its own that no
    row knows like this.
    """
    pinned = dict(_files(sdist, lambda name: True))
    mine = [row for row in rows if row.take == "tag"]
    every: list[str] = []

    def wanted(name: str) -> bool:
        every.append(name)
        return name in pinned or _row(mine, name) is not None

    found = dict(_files(tag, wanted))
    kept = {name: member for name, member in pinned.items() if _row(rows, name) is None}
    lost = [name for name in kept if name not in found]
    others = [name for name, member in kept.items() if name in found and found[name].content != member.content]
    only = {name: member for name, member in found.items() if name not in pinned}
    others += [name for name, member in only.items() if not _is_allowed(mine, name, member)]
    for what, names in (("lacks, of what its sdist has,", lost), ("has, unlike its sdist,", others)):
        if names:
            more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
            raise SourceError(
                f"the tag archive of DeepSpeed {version} {what} {', '.join(sorted(names)[:NAMED])}{more}; "
                "build with --source sdist, and distrust where the archive came from",
                id="tag-not-verified",
            )
    theirs = {name: member for name, member in pinned.items() if (row := _row(rows, name)) and row.take == "sdist"}
    taken = {**kept, **theirs, **only}
    return taken, tuple(name for name in every if name not in taken)


def check_archive(archive: Path) -> None:
    """Read the archive to its end; raises SourceError when it is damaged, cut short or none at all."""
    for _ in _files(archive, lambda name: False):
        pass


def pack_members(members: Mapping[str, SourceMember], top: str, to: Path) -> None:
    """Write the members below one directory, the same bytes for the same members."""
    with tarfile.open(to, "w", format=tarfile.PAX_FORMAT) as tar:
        for name in sorted(members):
            entry = tarfile.TarInfo(f"{top}/{name}")
            entry.size, entry.mode = len(members[name].content), 0o755 if members[name].executable else 0o644
            tar.addfile(entry, io.BytesIO(members[name].content))


def _is_allowed(rows: Sequence[TagFile], name: str, member: SourceMember) -> bool:
    row = _row(rows, name)
    return row is not None and row.allows(member.content)


def _row(rows: Sequence[TagFile], name: str) -> TagFile | None:
    return next((row for row in rows if row.holds(name)), None)


class Unpacked(io.RawIOBase):
    """The bytes of an archive, at most MOST_BYTES: its headers count, too, whose length nothing else bounds."""

    def __init__(self, file: BinaryIO) -> None:
        packed = file.read(len(GZIP)) == GZIP
        file.seek(0)
        self._bytes: BinaryIO | gzip.GzipFile = gzip.GzipFile(fileobj=file) if packed else file
        self._got = 0

    def read(self, size: int = -1) -> bytes:
        """The next ones."""
        block = self._bytes.read(size)
        self._got += len(block)
        if self._got > MOST_BYTES:
            raise tarfile.ReadError(f"more than {MOST_BYTES} bytes unpacked")
        return block


def _files(archive: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, SourceMember]]:
    """The wanted files by their names below the archive's top directory."""
    try:
        with archive.open("rb") as file, tarfile.open(fileobj=Unpacked(file), mode="r|") as tar:
            for entry in tar:
                name = entry.name.partition("/")[2]
                if not entry.isfile() or not wanted(name):
                    continue
                content = tar.extractfile(entry)
                if content is not None:
                    yield name, SourceMember(content=content.read(), executable=bool(entry.mode & 0o100))
    except DAMAGED as error:
        raise SourceError(f"{archive.name}: not a complete archive: {error}", id="archive-damaged") from None
