"""A process that is in the middle of something until it is killed."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import psutil

from tests.wheel_build.factories import driver_command, repository_variables

HOLD = """
def hold(*asked, **named):
    import os, time
    print(os.getpid(), flush=True)
    time.sleep(120)
"""


@dataclass(frozen=True, kw_only=True)
class Busy:
    """The process; `pid` is its own, since a virtual environment's Python of Windows is a launcher."""

    process: subprocess.Popen[str]
    pid: int

    def kill(self) -> None:
        """End it as nothing that it could prepare for."""
        with suppress(psutil.NoSuchProcess):
            psutil.Process(self.pid).kill()
        self.process.communicate(timeout=60)


@contextmanager
def busy(program: str, *arguments: object) -> Iterator[Busy]:
    """A Python process that runs `program` until it calls `hold`; it is killed when the block ends, if not before."""
    command = driver_command(HOLD + program, *map(str, arguments))
    process = subprocess.Popen(command, env=repository_variables(), stdout=subprocess.PIPE, text=True)
    assert process.stdout
    said = process.stdout.readline()
    assert said.strip().isdecimal(), said
    found = Busy(process=process, pid=int(said))
    try:
        yield found
    finally:
        if process.poll() is None:
            found.kill()
