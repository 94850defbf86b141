"""Stamps: what was written, written down beside it, so that what was lost or changed since is never taken for whole.

A record is a small document with its own digest. The stamp of a tree lists its files; they are compared by name, size
and time, and by content where the time is another one, or where the whole tree is small. The stamp of a file holds its
digest, which is always compared.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from scripts.files import has_digest, sha256_of, write_whole

STAMP = ".stamp.json"  # in the root of a tree, and how the name of a file's own stamp ends
SECOND = 10**9  # nanoseconds: an archive that a tree travelled in may have kept no more of its times
JUST_WRITTEN = 3 * SECOND  # a change that follows at once may leave the time as it is: clocks of disks are coarse
NAMED = 3  # of the files that are not as they were; the rest is a number


def write_record(path: Path, record: Mapping[str, Any]) -> None:
    """Write a document with its digest."""
    write_whole(path, json.dumps({"sha256": _digest(record), "record": record}, indent=1, sort_keys=True))


def read_record(path: Path) -> dict[str, Any] | None:
    """The document; None when there is none, or it is not as it was written."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        record = document["record"]
        return dict(record) if document["sha256"] == _digest(record) else None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _digest(record: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


# ---------------------------------------------------------------- a tree


def stamp_tree(root: Path, note: Mapping[str, Any], *, without: Sequence[str] = ()) -> None:
    """Write down what the tree holds now, and `note`; files that match a pattern of `without` may change.

    Of a file with the size and time that it had when the tree was stamped before, the digest of then is kept.
    """
    known = (read_record(root / STAMP) or {"files": {}})["files"]
    files: dict[str, list[Any]] = {}
    for name, entry in _entries(root):
        if entry.is_symlink():
            files[name] = [_aim(entry)]
        elif name != STAMP and not any(fnmatch(name, pattern) for pattern in without):
            found = entry.stat(follow_symlinks=False)
            written = found.st_mtime_ns if time.time_ns() - found.st_mtime_ns > JUST_WRITTEN else 0  # 0: no time counts
            before = known.get(name, ())
            untouched = written and before[:2] == [found.st_size, written]
            files[name] = before if untouched else [found.st_size, written, sha256_of(Path(entry.path))]
    write_record(root / STAMP, {"note": note, "files": files})


def stamped_note(root: Path) -> dict[str, Any] | None:
    """What was written down when the tree was stamped; None when it was not, or its stamp is damaged."""
    record = read_record(root / STAMP)
    return record["note"] if record else None


def damage_of(root: Path, *, every_byte: bool = False) -> str:
    """What of the tree is not as it was stamped, in words; empty when all of it is. More files do not count.

    Of a file with the size and time that it had the content is read only when `every_byte` is asked for.
    """
    record = read_record(root / STAMP)
    if record is None:
        return "it has no valid stamp"
    try:
        found = dict(_entries(root))
        faults = {name: _fault(found, name, was, every_byte=every_byte) for name, was in record["files"].items()}
    except OSError as error:
        return f"{error.filename} cannot be read: {error.strerror}"
    return _in_words([f"{name} {fault}" for name, fault in faults.items() if fault])


def more_in(root: Path) -> list[str]:
    """The files and links that have come to the tree since it was stamped."""
    listed = (read_record(root / STAMP) or {"files": ()})["files"]
    return sorted(name for name, _ in _entries(root) if name not in listed and name != STAMP)


def missing_from(root: Path) -> str:
    """Which files of the tree are gone since it was stamped, in words; empty when all are there, whatever they hold."""
    record = read_record(root / STAMP)
    if record is None:
        return "it has no valid stamp"
    return _in_words([f"{name} is missing" for name in record["files"] if not (root / name).exists()])


def _fault(found: Mapping[str, os.DirEntry[str]], name: str, was: Sequence[Any], *, every_byte: bool) -> str:
    entry = found.get(name)
    if entry is None:
        return "is missing"
    if entry.is_symlink() or len(was) == 1:
        return "" if entry.is_symlink() and [_aim(entry)] == list(was) else "is another link"
    now = entry.stat(follow_symlinks=False)
    size, written, digest = was
    if now.st_size != size:
        return f"has {now.st_size} bytes instead of {size}"
    untouched = written and now.st_mtime_ns in (written, written // SECOND * SECOND) and not every_byte
    return "" if untouched or sha256_of(Path(entry.path)) == digest else "has other content"


def _aim(link: os.DirEntry[str]) -> str:
    return str(Path(link.path).readlink())


def _in_words(faults: Sequence[str]) -> str:
    more = len(faults) - NAMED
    return ", ".join(faults[:NAMED]) + (f" and {more} more" if more > 0 else "")


def _entries(root: Path, below: str = "") -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Every file and link by its path below the root, with `/`; links are not followed."""
    with os.scandir(root) as entries:
        for entry in entries:
            name = below + entry.name
            if entry.is_dir(follow_symlinks=False):
                yield from _entries(Path(entry.path), name + "/")
            else:
                yield name, entry


# ---------------------------------------------------------------- a file


def stamp_file(path: Path) -> None:
    """Write the file's digest beside it."""
    write_record(_beside(path), {"sha256": sha256_of(path)})


def is_as_stamped(path: Path) -> bool:
    """Whether the file is what it was when it was stamped."""
    record = read_record(_beside(path))
    return record is not None and has_digest(path, record["sha256"])


def discard_file(path: Path) -> None:
    """Remove the file and its stamp."""
    for one in (_beside(path), path):
        one.unlink(missing_ok=True)


def _beside(path: Path) -> Path:
    return path.with_name(path.name + STAMP)
