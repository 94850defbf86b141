"""Locks between processes: who writes a folder that several builds share holds the lock file beside it.

A lock is the operating system's, so it ends with the process that holds it, however that ends; the file stays. Who
holds it stands in a note beside it, for whoever waits.
"""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout

from scripts.command import Log, no_log
from scripts.errors import PrerequisiteError

GLANCE_SECONDS = 0.5  # before a lock counts as held: who only looks whether it is holds it for a moment
POLL_SECONDS = 0.2
REPORT_SECONDS = 60.0  # between two signs that it still waits
LOCK = ".lock"  # how the name of a lock file ends


@dataclass(frozen=True, kw_only=True)
class Holder:
    """The process that holds a lock."""

    pid: int
    machine: str  # its process ids are no other's, where machines or containers share a disk
    directory: str  # that it was started in
    since: str

    def __str__(self) -> str:
        return f"process {self.pid} on {self.machine}, since {self.since}, started in {self.directory}"


def lock_of(path: Path) -> Path:
    """The lock file of a folder or file, beside it."""
    return path.with_name(path.name + LOCK)


@contextmanager
def locked(path: Path, what: str, *, wait: bool = True, log: Log = no_log) -> Iterator[None]:
    """Alone with `path` among all processes; `what` says in messages what its holder does,
    such as "TARGET is being built".

    Who must wait is told for whom. Raises PrerequisiteError when it is held and `wait` is false, and for a lock that
    cannot be made.
    """
    file = lock_of(path)
    lock = FileLock(file)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        _acquire(lock, path, what, wait=wait, log=log)
    except (OSError, NotImplementedError) as error:
        raise PrerequisiteError(
            f"{file} cannot be locked: {error}; see to its permissions, or choose another directory", id="not-writable"
        ) from None
    try:
        with suppress(OSError):  # a full disk: nobody is told who holds it
            _note_of(file).write_text(json.dumps(asdict(_this_process())), encoding="utf-8")
        yield
    finally:
        with suppress(OSError):
            _note_of(file).unlink()
        lock.release()


def holder_of(path: Path) -> str:
    """Who holds the lock of `path`, in words; an empty text when nobody does."""
    file = lock_of(path)
    if not file.exists():
        return ""
    try:
        with FileLock(file, timeout=0):
            return ""
    except Timeout:
        return _named(file)
    except OSError:  # it cannot even be opened: not ours to call free
        return "an unknown process"


def _acquire(lock: BaseFileLock, path: Path, what: str, *, wait: bool, log: Log) -> None:
    try:
        lock.acquire(timeout=GLANCE_SECONDS)
    except Timeout:
        holder = _named(Path(lock.lock_file))
    else:
        return
    if not wait:
        raise PrerequisiteError(
            f"{what} in {path} by {holder}; wait for that process or stop it", id="already-building"
        )
    log(f"waiting: {what} in {path} by {holder}")
    started = time.monotonic()
    while not _acquired(lock):
        log(f"still waiting, {(time.monotonic() - started) / 60:.1f} min: {what} by {_named(Path(lock.lock_file))}")
    log(f"going on after {time.monotonic() - started:.0f} s of waiting")


def _acquired(lock: BaseFileLock) -> bool:
    try:
        lock.acquire(timeout=REPORT_SECONDS, poll_interval=POLL_SECONDS)
    except Timeout:
        return False
    return True


def _named(file: Path) -> str:
    try:
        return str(Holder(**json.loads(_note_of(file).read_text(encoding="utf-8"))))
    except (OSError, ValueError, TypeError):  # it has just begun, or has just ended
        return "another process"


def _this_process() -> Holder:
    now = datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
    return Holder(pid=os.getpid(), machine=platform.node(), directory=str(Path.cwd()), since=now)


def _note_of(file: Path) -> Path:
    return file.with_name(file.name + ".json")
