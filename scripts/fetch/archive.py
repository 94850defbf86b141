"""Unpacks source archives without letting any path leave the folder."""

from __future__ import annotations

import lzma
import shutil
import tarfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from scripts.errors import SourceError

DAMAGED = (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError)


def unpack(archive: Path, folder: Path) -> None:
    """Unpack into `folder`, without the archive's one top folder; what was there before is replaced.

    Raises SourceError for a damaged archive, a member that would land outside, or more than one top folder.
    """
    draft = folder.with_name(folder.name + ".draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    try:
        top = _unpack_into(draft, archive)
        shutil.rmtree(folder, ignore_errors=True)
        top.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def check_tar(archive: Path) -> None:
    """Read a tar archive to its end; raises SourceError when it is damaged, cut short or none at all."""
    try:
        with tarfile.open(archive) as tar:
            tar.getmembers()
    except DAMAGED as error:
        raise SourceError(f"{archive.name}: not a whole archive: {error}") from None


def _unpack_into(draft: Path, archive: Path) -> Path:
    try:
        if zipfile.is_zipfile(archive):
            _unpack_zip(archive, draft)
        else:
            _unpack_tar(archive, draft)
    except DAMAGED as error:
        raise SourceError(f"{archive.name}: cannot be unpacked: {error}; delete it and run again") from None
    tops = list(draft.iterdir())
    if len(tops) != 1 or not tops[0].is_dir():
        raise SourceError(f"{archive.name}: expected one top folder, found {sorted(top.name for top in tops)}")
    return tops[0]


def _unpack_tar(archive: Path, folder: Path) -> None:
    with tarfile.open(archive) as tar:
        if not hasattr(tarfile, "data_filter"):
            raise SourceError("this Python's tarfile cannot unpack safely; use 3.10.12, 3.11.4 or newer")
        tar.extractall(folder, filter="data")


def _unpack_zip(archive: Path, folder: Path) -> None:
    with zipfile.ZipFile(archive) as zipped:
        for name in zipped.namelist():
            path = PurePosixPath(name.replace("\\", "/"))
            if path.is_absolute() or ".." in path.parts or ":" in name:
                raise zipfile.BadZipFile(f"{name!r} would land outside the folder")
        zipped.extractall(folder)
