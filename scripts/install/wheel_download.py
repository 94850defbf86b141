"""The wheel on its way to this machine: resumed where a connection broke, and checked to its last byte."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts.command import Log, no_log
from scripts.dirs import default_dirs
from scripts.locks import locked
from scripts.wheel.published import Published
from scripts.wheel.record import WheelRecord

EVERY = 2.0  # seconds between two lines: somebody watches


@contextmanager
def downloaded(record: WheelRecord, published: Published, log: Log = no_log) -> Iterator[Path]:
    """The wheel's file in a folder of its own, for as long as the block takes.

    What arrived before a failure stays in the cache, and the next call goes on from there. Raises PrerequisiteError for
    a server that does not give the file, or gives another.
    """
    from scripts.fetch.download import Download, download_all  # takes longer to import than to choose a wheel

    with _folder(record, log) as folder:
        file = folder / record.file
        wanted = Download(url=published.address(record), path=file, sha256=record.sha256, size=record.bytes)
        download_all([wanted], log=log, every=EVERY)
        yield file


@contextmanager
def _folder(record: WheelRecord, log: Log) -> Iterator[Path]:
    """A folder of this wheel alone: in the cache, removed when all went well, or where nothing can be kept, for now.

    Who installs the same wheel meanwhile, into another environment, waits.
    """
    folder = default_dirs().wheels / record.sha256[:16]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as elsewhere:
            yield Path(elsewhere)
        return
    with locked(folder, f"{record.file} is being installed", log=log):
        yield folder
        shutil.rmtree(folder, ignore_errors=True)
