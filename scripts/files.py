"""Atomic writes, of one file or of a tree of generated files; and a file's digest."""

from __future__ import annotations

import base64
import hashlib
import itertools
import os
import secrets
import shutil
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeAlias

from scripts.disk_space import FULL, located
from scripts.errors import InputError

WRITTEN = "written.txt"  # which files of a tree are ours, one path a line
DRAFT = ".draft"  # how the name of a file or directory ends that is not finished
OWN = secrets.token_hex(4)  # of this process; containers that share a disk have the same process ids
DRAFTS = itertools.count()
JUNCTION = 0xA0000003  # IO_REPARSE_TAG_MOUNT_POINT, which `stat` has on Windows alone
DAY_NS = 24 * 3600 * 10**9  # by which the clocks of two machines that share a disk may differ
RENAME_PAUSES = (0.2, 0.5, 1.0, 2.0, 4.0)  # seconds

Content: TypeAlias = str | bytes | Path  # a path: the content of that file


def write_whole(path: Path, content: Content, *, durable: bool = False) -> None:
    """Write the file completely or not at all; when `durable`, its content reaches the disk before its name does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with draft_of(path) as draft:
        if isinstance(content, Path):
            _copy(content, draft)
        else:
            draft.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
        if durable:
            _sync(draft)
    if isinstance(content, Path):  # POSIX renames nothing when both are names of one file already
        draft.unlink(missing_ok=True)


def make_directory(path: Path) -> Path:
    """The directory, made where it is not there; raises InputError for one that cannot be made or written."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        reason = "" if os.access(path, os.W_OK) else "permission denied"
    except OSError as error:
        reason = error.strerror or str(error)
    if reason:
        raise InputError(f"{path} cannot be written: {reason}; choose another directory", id="not-writable")
    return path


@contextmanager
def draft_of(path: Path) -> Iterator[Path]:
    """A free name beside `path` to write to; it becomes `path` when the block ends, and is removed when that fails."""
    draft = draft_name(path)
    try:
        with located(path):
            yield draft
            rename_patiently(draft, path)
    except BaseException:
        with suppress(OSError):  # of a disk that takes nothing any more; what went wrong is said below
            draft.unlink(missing_ok=True)
        raise


def rename_patiently(path: Path, to: Path) -> None:
    """Rename a file or directory, replacing a file; repeated for some seconds while a virus scanner holds it open."""
    for pause in RENAME_PAUSES if os.name == "nt" else ():
        with suppress(PermissionError):
            path.replace(to)
            return
        time.sleep(pause)
    path.replace(to)


def discard(path: Path) -> bool:
    """Remove a directory and all that is in it, or a file; whether nothing of it is left.

    Its name goes first, so that what is half removed is never taken for it. Links are removed, not followed.
    """
    gone = draft_name(path)
    with suppress(OSError):  # Windows renames no directory of which a file is open
        path.replace(gone)
    for one in (gone, path):
        if is_link(one) or one.is_file():
            with suppress(OSError):
                one.unlink()
        else:
            shutil.rmtree(one, ignore_errors=True)
    return not any(os.path.lexists(one) for one in (gone, path))


def is_link(path: Path) -> bool:
    """Whether the path is a symbolic link, or a junction of Windows."""
    try:
        found = path.lstat()
    except OSError:
        return False
    return stat.S_ISLNK(found.st_mode) or getattr(found, "st_reparse_tag", 0) == JUNCTION


def draft_name(path: Path) -> Path:
    """A free name beside `path`, of something that is not finished or on its way out."""
    return path.parent / f"{path.name}.{OWN}-{os.getpid()}-{next(DRAFTS)}{DRAFT}"


def sha256_of(path: Path) -> str:
    """The hex digest of a file's content."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def tree_digest(root: Path) -> str:
    """The hex digest of the names and the content of all files in a folder; of one that is not there, of none."""
    files = sorted(path for path in root.rglob("*") if path.is_file())
    listed = "".join(f"{path.relative_to(root).as_posix()}\0{sha256_of(path)}\n" for path in files)
    return hashlib.sha256(listed.encode("utf-8", "surrogateescape")).hexdigest()


def record_digest(digest: bytes) -> str:
    """A digest as a wheel's RECORD writes it: in base64 for addresses, without what pads it."""
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def has_digest(path: Path, sha256: str) -> bool:
    """Whether the file is there and has this digest."""
    try:
        return sha256_of(path) == sha256
    except OSError:
        return False


def last_use(found: os.stat_result) -> int:
    """When a file or directory was used last, in nanoseconds; 0 for a time that has yet to come.

    Once the clock has gone back, such entries of a cache would push out all that is made until that time.
    """
    return found.st_mtime_ns if found.st_mtime_ns < time.time_ns() + DAY_NS else 0


def touch(path: Path) -> None:
    """Let the time of a file or directory say that it was used now, where that can be written."""
    with suppress(OSError):
        os.utime(path)


def write_tree(root: Path, files: Mapping[str, Content]) -> None:
    """Write the files below `root`, in sorted order; remove those that an earlier call wrote and this one does not.

    Other files below it are not touched. Raises InputError when the directory cannot be written, OSError when its disk
    is full.
    """
    try:
        before = written(root)
        _write_list(root, {*before, *files})  # first: a file of ours is never forgotten
        for path in sorted(files):
            write_whole(root / path, files[path])
        for path in sorted(before - set(files)):
            _remove(root, path)
        _write_list(root, set(files))
    except OSError as error:
        if error.errno in FULL:
            raise
        reason = f"{error.filename or root} cannot be written: {error.strerror}"
        raise InputError(f"{reason}; choose another directory", id="not-writable") from None


def written(root: Path) -> set[str]:
    """The files below `root` that an earlier call wrote; a path that leads out of the directory is none of them."""
    try:
        lines = (root / WRITTEN).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return set()
    return {line for line in lines if line and (root / line).resolve().is_relative_to(root.resolve())}


def _write_list(root: Path, paths: set[str]) -> None:
    write_whole(root / WRITTEN, "".join(f"{path}\n" for path in sorted(paths)))


def _copy(source: Path, draft: Path) -> None:
    """The file itself under another name where the file system can do that: wheels are large."""
    try:
        os.link(source, draft)
    except OSError:  # another disk, or a file system without hard links
        shutil.copyfile(source, draft)


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _remove(root: Path, path: str) -> None:
    """Remove the file, and the directories that it leaves empty."""
    (root / path).unlink(missing_ok=True)
    for parent in (root / path).relative_to(root).parents:
        if parent.parts:
            with suppress(OSError):  # not empty
                (root / parent).rmdir()
