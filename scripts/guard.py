"""Whatever ends a process of ours ends all that it started: a mark in their environment, and a guard that looks for it.

On Linux the guard is a second process, this file. It reads a pipe that nobody but the process holds open, so it wakes
up however that ended; then it ends everything that carries the mark. A mark is inherited by children's children, in
groups and sessions of their own and when their parent is gone, too. Processes of ours start one another, so a mark is a
path of names: what carries one ends with any process on the way.

On Windows a job object does all that: what a process of it starts is in it, too, and the system closes the only handle
to it when this process is gone, by `TerminateProcess` or with its console.

Run by itself it has the standard library alone, and of that little: `python -I -S guard.py NAME`.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

MARK = "DEEPSPEED_WHEELS_RUN"
GRACE_SECONDS = 3.0  # between the polite request to end and the other one
PATIENCE_SECONDS = 15.0  # for what cannot be ended at all: it waits for a disk, say
PAUSE_SECONDS = 0.02
FREE = 3  # the first file descriptor after input and the two outputs


def new_name() -> str:
    """A name that no other process has."""
    return f"{os.getpid()}-{os.urandom(8).hex()}"


def carriers(name: str) -> list[int]:
    """The processes that carry the name in their mark, this one never."""
    found = (int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit())
    return [pid for pid in found if pid != os.getpid() and _carries(pid, name)]


def _carries(pid: int, name: str) -> bool:
    try:
        variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:  # gone, or another user's
        return False
    mark = next((value for value in variables if value.startswith(f"{MARK}=".encode())), b"")
    return name.encode() in mark.partition(b"=")[2].split(b"/")


def end_carriers(name: str) -> None:
    """End every process that carries the name: politely first, then for good; return when none was seen twice.

    One look is not enough: a process that was just forked has yet to get its own environment.
    """
    begun, told, looks = time.monotonic(), set[int](), 0
    while looks < 2 and time.monotonic() - begun < PATIENCE_SECONDS:
        found, late = carriers(name), time.monotonic() - begun > GRACE_SECONDS
        for pid in found if late else set(found) - told:
            with suppress(OSError):
                os.kill(pid, KILL if late else signal.SIGTERM)
        told.update(found)
        looks = 0 if found else looks + 1
        time.sleep(PAUSE_SECONDS)


class Guard:
    """What ends with this process, however it ends: everything that is started with `marked` variables."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._mark: str | None = None  # nothing is guarded yet; empty where the system does it
        self._pipe: int | None = None
        if sys.platform == "linux":
            os.register_at_fork(after_in_child=self._forget)

    def marked(self, variables: Mapping[str, str], *names: str) -> dict[str, str]:
        """The variables of a process to start, which is to carry these names, too; the first call begins to guard."""
        with self._lock:
            if self._mark is None:
                self._mark = self._begin()
        return {**variables, MARK: "/".join([self._mark, *names])} if self._mark else dict(variables)

    def end(self, name: str) -> None:
        """End what was started under this name and is still there."""
        if self._mark:
            end_carriers(name)

    def _begin(self) -> str:
        name = ""
        if sys.platform == "win32":
            join_job()
        if sys.platform == "linux":
            name = new_name()
            self._pipe = start_guard(name)
        return "/".join([*filter(None, [os.environ.get(MARK)]), name]) if name else ""

    def _forget(self) -> None:
        """In a copy of this process: it must not hold the pipe open, and guards what it starts by itself."""
        if self._pipe is not None:
            os.close(self._pipe)
        self._lock, self._mark, self._pipe = threading.Lock(), None, None


KILL = getattr(signal, "SIGKILL", signal.SIGTERM)

if sys.platform == "linux":

    def start_guard(name: str) -> int:
        """Start the guard over what will carry the name; the pipe that it reads, open as long as this process lives."""
        from scripts.carried import run_words  # only here: the guard itself has the standard library alone

        its, ours = os.pipe()
        quiet = [(os.POSIX_SPAWN_OPEN, place, os.devnull, os.O_WRONLY, 0) for place in (1, 2)]
        argv = [sys.executable, "-I", "-S", *run_words("scripts.guard"), name]
        os.posix_spawn(sys.executable, argv, {}, file_actions=[(os.POSIX_SPAWN_DUP2, its, 0), *quiet], setsid=True)
        os.close(its)
        return ours

    def watch(name: str) -> None:
        """Wait for the end of the pipe, and end what is left."""
        os.closerange(FREE, os.sysconf("SC_OPEN_MAX"))
        os.chdir("/")
        while os.read(0, 1):
            pass
        end_carriers(name)


if sys.platform == "win32":
    import ctypes
    from ctypes import wintypes

    KILL_ON_JOB_CLOSE = 0x2000
    EXTENDED_LIMITS = 9  # JobObjectExtendedLimitInformation
    SIZE = ctypes.c_size_t

    class JobLimits(ctypes.Structure):
        """JOBOBJECT_EXTENDED_LIMIT_INFORMATION."""

        _fields_ = (
            ("process_time", ctypes.c_int64),
            ("job_time", ctypes.c_int64),
            ("flags", wintypes.DWORD),
            ("least_working_set", SIZE),
            ("most_working_set", SIZE),
            ("most_processes", wintypes.DWORD),
            ("affinity", SIZE),
            ("priority", wintypes.DWORD),
            ("scheduling", wintypes.DWORD),
            ("io_counters", ctypes.c_uint64 * 6),
            ("memory", SIZE * 4),
        )

    def join_job() -> int:
        """Put this process into a new job that ends with it; the job's handle, which nobody inherits.

        A job that was joined before, a hosted runner's or that of a launcher, stays around the new one. 0 where the
        system refuses, as it does inside a job that allows no other: then a child may outlive its parent.
        """
        kernel = ctypes.WinDLL("kernel32")
        kernel.CreateJobObjectW.restype = kernel.GetCurrentProcess.restype = wintypes.HANDLE
        kernel.SetInformationJobObject.argtypes = (wintypes.HANDLE, ctypes.c_int, ctypes.c_void_p, wintypes.DWORD)
        kernel.AssignProcessToJobObject.argtypes = (wintypes.HANDLE, wintypes.HANDLE)
        kernel.CloseHandle.argtypes = (wintypes.HANDLE,)
        limits = JobLimits(flags=KILL_ON_JOB_CLOSE)
        job = kernel.CreateJobObjectW(None, None)
        size = ctypes.sizeof(limits)
        if not kernel.SetInformationJobObject(job, EXTENDED_LIMITS, ctypes.byref(limits), size):
            return 0
        return int(job) if kernel.AssignProcessToJobObject(job, kernel.GetCurrentProcess()) else 0


GUARD = Guard()  # of this process

if __name__ == "__main__" and sys.platform == "linux":
    watch(sys.argv[1])
