"""A process and all that it started: ended together, and weighed together.

psutil is imported where it is used: who only asks a program something needs the standard library alone.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil

GRACE_SECONDS = 3.0  # between the polite request to end and the other one


def end_tree(pid: int) -> None:
    """End a process we started and all its children: politely first, then for good.

    It reaps nothing (psutil's `wait_procs` would): the exit code belongs to whoever waits for the process, and one
    that was taken away reads as 0.
    """
    import psutil

    tree = _family(pid)
    for process in tree:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    deadline = time.monotonic() + GRACE_SECONDS
    while (alive := [process for process in tree if _lives(process)]) and time.monotonic() < deadline:
        time.sleep(0.02)
    for process in alive:
        with suppress(psutil.NoSuchProcess):
            process.kill()


def _family(pid: int) -> list[psutil.Process]:
    """The process, its descendants, and on POSIX those whose own parent is gone but who are still of its session."""
    import psutil

    family: dict[int, psutil.Process] = {}
    with suppress(psutil.NoSuchProcess):
        root = psutil.Process(pid)
        family = {process.pid: process for process in [*root.children(recursive=True), root]}
    if sys.platform != "win32":
        for process in psutil.process_iter():
            with suppress(OSError):
                if os.getsid(process.pid) == pid:
                    family.setdefault(process.pid, process)
    return list(family.values())


def _lives(process: psutil.Process) -> bool:
    import psutil

    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def tree_bytes(pid: int) -> int:
    """The resident bytes of a process and its descendants now; 0 where the system does not tell."""
    import psutil

    total = 0
    with suppress(psutil.Error, OSError):
        root = psutil.Process(pid)
        for process in [root, *root.children(recursive=True)]:
            with suppress(psutil.Error, OSError):  # under Wine memory_info is not there
                total += process.memory_info().rss
    return total
