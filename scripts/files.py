"""`write_tree`: a folder of generated files, each whole or not at all; of other files in it none is touched."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

from scripts.errors import InputError

WRITTEN = "written.txt"  # which files of the folder are ours, one path a line

Content: TypeAlias = str | bytes | Path  # a path: the content of that file


def write_tree(folder: Path, files: Mapping[str, Content]) -> None:
    """Write the files below `folder`, in sorted order; remove those that an earlier call wrote and this one does not.

    Raises InputError when the folder cannot be written.
    """
    try:
        before = written(folder)
        everything = sorted({*before, *files})
        _write(
            folder / WRITTEN, "".join(f"{path}\n" for path in everything)
        )  # first: a file of ours is never forgotten
        for path in sorted(files):
            _write(folder / path, files[path])
        for path in sorted(before - set(files)):
            _remove(folder, path)
        _write(folder / WRITTEN, "".join(f"{path}\n" for path in sorted(files)))
    except OSError as error:
        raise InputError(
            f"{error.filename or folder}: cannot be written: {error.strerror}; choose another folder"
        ) from None


def written(folder: Path) -> set[str]:
    """The files below `folder` that an earlier call wrote; a path that leads out of the folder is none of them."""
    try:
        lines = (folder / WRITTEN).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return set()
    return {line for line in lines if line and (folder / line).resolve().is_relative_to(folder.resolve())}


def _write(path: Path, content: Content) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".draft")
    if isinstance(content, Path):
        _copy(content, draft)
    else:
        draft.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
    draft.replace(path)
    draft.unlink(missing_ok=True)  # POSIX renames nothing when both are names of one file already


def _copy(source: Path, draft: Path) -> None:
    """The file itself under another name where that can be had: wheels are large."""
    draft.unlink(missing_ok=True)
    try:
        os.link(source, draft)
    except OSError:  # another disk, or a file system without hard links
        shutil.copyfile(source, draft)


def _remove(folder: Path, path: str) -> None:
    """Remove the file, and the folders that it leaves empty."""
    (folder / path).unlink(missing_ok=True)
    for parent in (folder / path).relative_to(folder).parents:
        if parent.parts:
            with suppress(OSError):  # not empty
                (folder / parent).rmdir()
