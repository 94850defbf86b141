"""Unpacks archives without letting any path leave the target directory."""

from __future__ import annotations

import lzma
import re
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

from scripts.disk_space import FULL, disk_error
from scripts.errors import SourceError
from scripts.files import DRAFT, discard, rename_patiently

DAMAGED = (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError)

DRIVE = re.compile(r"[A-Za-z]:")


def unpack(archive: Path, directory: Path, *, without: Sequence[str] = ()) -> None:
    """Unpack into `directory`, without the archive's one top directory; what was there before is replaced.

    Members that match a pattern of `without`, below the top directory, are left out. Raises SourceError for a damaged
    archive, a member that would land outside, or more than one top directory.
    """
    draft = directory.with_name(directory.name + DRAFT)
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    try:
        top = _unpack_into(draft, archive, without)
        discard(directory)
        rename_patiently(top, directory)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def merge(directory: Path, into: Path) -> None:
    """Move everything in `directory` into another one, merging directories that both have; `directory` is gone then."""
    for entry in sorted(directory.iterdir()):
        to = into / entry.name
        if entry.is_dir() and not entry.is_symlink() and to.is_dir():
            merge(entry, to)
        else:
            rename_patiently(entry, to)
    directory.rmdir()


def _unpack_into(draft: Path, archive: Path, without: Sequence[str]) -> Path:
    try:
        if zipfile.is_zipfile(archive):
            _unpack_zip(archive, draft, without)
        else:
            _unpack_tar(archive, draft, without)
    except DAMAGED as error:
        if isinstance(error, OSError) and error.errno in FULL:
            raise SourceError(
                f"{archive.name}: the disk of {draft.parent} is full; free some and run again", id="disk-full"
            ) from None
        if isinstance(error, OSError) and (found := disk_error(error)):
            raise found from None
        raise SourceError(
            f"{archive.name}: cannot be unpacked: {error}; delete it and run again", id="archive-damaged"
        ) from None
    tops = list(draft.iterdir())
    if len(tops) != 1 or not tops[0].is_dir():
        raise SourceError(
            f"{archive.name}: expected one top directory, found {sorted(top.name for top in tops)}",
            id="archive-damaged",
        )
    return tops[0]


def _unpack_tar(archive: Path, directory: Path, without: Sequence[str]) -> None:
    with tarfile.open(archive) as tar:
        if not hasattr(tarfile, "data_filter"):
            raise SourceError(
                "this Python's tarfile cannot unpack safely; use 3.10.12, 3.11.4 or newer", id="python-not-usable"
            )
        tar.extractall(directory, members=_wanted(tar, without), filter="data")


def _wanted(tar: tarfile.TarFile, without: Sequence[str]) -> Iterator[tarfile.TarInfo]:
    """The members one by one as they come, so that the archive is read once; the tarfile filter checks the rest."""
    for member in tar:
        if DRIVE.match(member.name):
            raise tarfile.ReadError(f"{member.name!r} would land outside the directory")
        if not _left_out(member.name, without):
            yield member


def _unpack_zip(archive: Path, directory: Path, without: Sequence[str]) -> None:
    with zipfile.ZipFile(archive) as zipped:
        for name in zipped.namelist():
            path = PurePosixPath(name.replace("\\", "/"))
            if path.is_absolute() or ".." in path.parts or ":" in name:
                raise zipfile.BadZipFile(f"{name!r} would land outside the directory")
        zipped.extractall(directory, [name for name in zipped.namelist() if not _left_out(name, without)])


def _left_out(name: str, without: Sequence[str]) -> bool:
    below = PurePosixPath(*PurePosixPath(name).parts[1:])
    return any(fnmatch(str(below), pattern) for pattern in without) if without else False
