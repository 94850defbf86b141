"""A process and all that it started: ended together, and weighed together.

psutil is imported where it is used: who only asks a program something needs the standard library alone. The one file
(scripts/carried.py) is without: there a program's own group is ended on POSIX and the program itself on Windows, whose
children end with this process (scripts/guard.py).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from scripts.errors import CommandError

if TYPE_CHECKING:
    import psutil


GRACE_SECONDS = 3.0  # between the polite request to end and the other one
PATIENCE_SECONDS = 15.0  # for what cannot be ended at all: it waits for a disk, say


def end_tree(pid: int) -> None:
    """End a process we started and all its children: politely first, then for good."""
    end_trees([pid])


def end_trees(pids: Sequence[int]) -> None:
    """End several processes with all their children, within one grace for all; a child that they start meanwhile, too.

    It reaps nothing (psutil's `wait_procs` would): the exit code belongs to whoever waits for the process, and one
    that was taken away reads as 0.
    """
    try:
        import psutil
    except ImportError:
        _end_groups(pids)
        return
    begun, roots = time.monotonic(), []
    for pid in pids:
        with suppress(psutil.NoSuchProcess):
            roots.append(psutil.Process(pid))  # knows when it was created: its id may be another's soon
    while tree := [process for process in _family(pids, roots) if _lives(process)]:
        late = time.monotonic() - begun > GRACE_SECONDS
        if time.monotonic() - begun > PATIENCE_SECONDS:
            return
        for process in tree:
            with suppress(psutil.Error):
                process.kill() if late else process.terminate()
        while any(_lives(process) for process in tree) and time.monotonic() - begun < GRACE_SECONDS:
            time.sleep(0.02)
        if late:
            time.sleep(0.02)


def _end_groups(pids: Sequence[int]) -> None:
    """End what can be ended without looking at every process of the machine."""
    for number in (signal.SIGTERM, getattr(signal, "SIGKILL", signal.SIGTERM)):
        for pid in pids:
            with suppress(OSError):
                _signal(pid, number)
        time.sleep(0.2)


def _signal(pid: int, number: int) -> None:
    if sys.platform != "win32" and os.getpgid(pid) == pid:
        os.killpg(pid, number)
    else:
        os.kill(pid, number)


def _family(pids: Sequence[int], roots: Sequence[psutil.Process]) -> list[psutil.Process]:
    """The processes, their descendants, and on POSIX those whose own parent is gone but who are of their session."""
    import psutil

    family: dict[int, psutil.Process] = {}
    for root in roots:
        with suppress(psutil.NoSuchProcess):
            family.update({process.pid: process for process in [*root.children(recursive=True), root]})
    if sys.platform != "win32":
        for process in psutil.process_iter():
            with suppress(OSError):
                if os.getsid(process.pid) in pids:
                    family.setdefault(process.pid, process)
    return list(family.values())


def _lives(process: psutil.Process) -> bool:
    import psutil

    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class ProcessGroup:
    """The live processes of one job, so that all of them can be ended together."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._live: dict[int, subprocess.Popen[str]] = {}
        self._stopped = False

    @property
    def stopped(self) -> bool:
        """Whether `stop` was called; nothing is started after that."""
        return self._stopped

    def add(self, process: subprocess.Popen[str]) -> None:
        """Register a started process; ended at once when the group was stopped meanwhile."""
        with self._lock:
            self._live[process.pid] = process
            stopped = self._stopped
        if stopped:
            end_tree(process.pid)

    def remove(self, process: subprocess.Popen[str]) -> None:
        """Forget a process that has ended."""
        with self._lock:
            self._live.pop(process.pid, None)

    def stop(self) -> None:
        """End every live process with all its children."""
        with self._lock:
            self._stopped = True
            live = list(self._live)
        end_trees(live)


def tree_bytes(pid: int) -> int:
    """The resident bytes of a process and its descendants now; 0 where the system does not tell."""
    try:
        import psutil
    except ImportError:
        return 0
    total = 0
    with suppress(psutil.Error, OSError):
        root = psutil.Process(pid)
        for process in [root, *root.children(recursive=True)]:
            with suppress(psutil.Error, OSError):  # under Wine memory_info is not there
                total += process.memory_info().rss
    return total


@contextmanager
def starting(program: str) -> Iterator[None]:
    """Raises CommandError when what is started in the block is not there, or may not run."""
    try:
        yield
    except OSError as error:
        raise CommandError(
            f"cannot start {program}: {error.strerror}; is it installed and on PATH?", id="program-not-found"
        ) from None
