"""The archive that a trial leaves to send: a folder for each build, with its log and its result."""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from scripts.diagnose.diagnosis import Diagnosis, diagnose
from scripts.diagnose.own_log import blocks_of
from scripts.errors import InputError

BLOCK = 1 << 20
LOG, RESULT = "build.log", "result.json"
DAMAGED = (EOFError, ValueError, NotImplementedError, RuntimeError, zipfile.BadZipFile, zlib.error)


def diagnose_archive(file: Path) -> dict[str, Diagnosis]:
    """What each log says, by target; where a build came to no log, its error. Raises InputError for another file."""
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
            folders = {name.rpartition("/")[0] for name in names if name.endswith((f"/{LOG}", f"/{RESULT}"))}
            found = {
                folder: diagnose(
                    _log(archive, f"{folder}/{LOG}")
                    if f"{folder}/{LOG}" in names
                    else _error(archive, f"{folder}/{RESULT}")
                )
                for folder in sorted(folders)
            }
    except OSError as error:
        raise InputError(
            f"{file} cannot be read ({error.strerror}); give the path of an archive", id="file-not-usable"
        ) from None
    except DAMAGED as error:
        raise InputError(f"{file} is damaged ({error}); get it again", id="file-not-usable") from None
    if not found:
        raise InputError(f"{file} holds no log of a build; give the archive of a trial", id="file-not-usable")
    return found


def _log(archive: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    with archive.open(name) as log:
        yield from blocks_of(cast("BinaryIO", log))


def _error(archive: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    with archive.open(name) as file:
        document = json.loads(file.read(BLOCK))
    if isinstance(document, dict) and document.get("exit_code"):
        yield f"error[{document.get('error', '')}]: {document.get('message', '')}\n".encode()
