"""`invoke` started with a mark, ended by a signal, and what it leaves behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import psutil

from bench.faults.part import LostError
from scripts.dirs import CACHE_VARIABLE, OUTPUT_VARIABLE

MARK = "DEEPSPEED_WHEELS_FAULT"  # in the environment of all that a try starts
HANG = "DEEPSPEED_WHEELS_FAULT_HANG"  # a file; while it is there, the stand-in compiler does not end
SECONDS_TO_START = 4.0  # after the end of a build, until nothing of it starts anything
SECONDS_TO_END = 10.0  # until all that an ended build had started is gone
TRACEBACK = "Traceback (most recent call last)"
DROPPED = ("PIP_", "UV_", "GITHUB_", "DEEPSPEED_WHEELS_", "COVERAGE_", "PYTHONDONT")


@dataclass(frozen=True, kw_only=True)
class Run:
    """How it ended."""

    exit_code: int
    said: str
    result: Mapping[str, Any] | None

    def require(self) -> None:
        """Raises LostError unless it was done."""
        if self.exit_code != 0:
            raise LostError(f"it fails, exit code {self.exit_code}: {self.tail}")

    @property
    def tail(self) -> str:
        """The end of what it said, in one line."""
        return " | ".join(line.strip() for line in self.said.splitlines()[-6:])[-700:]


@dataclass(frozen=True, kw_only=True)
class Started:
    """One `invoke` under way."""

    process: subprocess.Popen[bytes]
    output: IO[bytes]  # files, not pipes: whoever outlives the process would keep a pipe open
    errors: IO[bytes]
    mark: str
    root: Path  # of its checkout; Ctrl-C before any line of it runs ends in a traceback of Python's own

    @property
    def runs(self) -> bool:
        """Whether it has not ended."""
        return self.process.poll() is None

    def send(self, number: int, *, group: bool) -> None:
        """A signal to `invoke` alone, or to all of its terminal's foreground."""
        if sys.platform != "win32":
            with suppress(ProcessLookupError):
                (os.killpg if group else os.kill)(self.process.pid, number)

    def end(self, seconds: float) -> Run:
        """How it ended; raises LostError when it does not."""
        try:
            self.process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            end_all(self.mark)
            self.process.wait()
            self.output.close()
            self.errors.close()
            raise LostError(f"endless: it is not done after {seconds:g} s") from None
        output, said = _read(self.output), _read(self.errors)
        _, found, told = said.partition(TRACEBACK)
        if found and not (told.rstrip().endswith("KeyboardInterrupt") and str(self.root) not in told):
            raise LostError(f"traceback: {' | '.join(told.splitlines()[-4:])}")
        with suppress(ValueError):
            return Run(exit_code=self.process.returncode, said=said, result=json.loads(output))
        return Run(exit_code=self.process.returncode, said=said, result=None)


@dataclass(frozen=True, kw_only=True)
class Clone:
    """A checkout to build in."""

    root: Path
    python: Path
    words: tuple[str, ...]
    variables: Mapping[str, str]

    def start(self, cache: Path, output: Path, mark: str) -> Started:
        """A build that writes into these folders."""
        folders = {CACHE_VARIABLE: str(cache), OUTPUT_VARIABLE: str(output), HANG: str(output.with_name("hang"))}
        argv = [str(self.python), "-m", "invoke", "build", "--json", *self.words]
        return start(argv, self.root, {**self.variables, **folders}, mark)


def start(argv: Sequence[str], root: Path, variables: Mapping[str, str], mark: str) -> Started:
    """An `invoke` of the checkout in `root`, in a session of its own; all that it starts carries the mark."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(DROPPED)}
    output, errors = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115  closed when they are read
    process = subprocess.Popen(
        argv,
        cwd=root,
        env={**kept, **variables, MARK: mark, "CI": "true"},
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=errors,
        start_new_session=True,
    )
    return Started(process=process, output=output, errors=errors, mark=mark, root=root)


def _read(file: IO[bytes]) -> str:
    with file:
        file.seek(0)
        return file.read().decode("utf-8", "replace")


def left_over(mark: str) -> list[psutil.Process]:
    """The live processes that carry this mark."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.environ().get(MARK) == mark and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def require_no_orphan(mark: str) -> None:
    """Raises LostError, and ends them, when processes of a build that ended go on, or still start others."""
    ended = time.time()
    while alive := left_over(mark):
        late = time.time() > ended + SECONDS_TO_END
        if orphans := [each for each in alive if late or _started(each) > ended + SECONDS_TO_START]:
            names = ", ".join(sorted({name_of(process) for process in orphans}))
            end_all(mark)
            raise LostError(f"orphans: {names} go on {time.time() - ended:.0f} s after their parent's end")
        time.sleep(0.05)


def _started(process: psutil.Process) -> float:
    with suppress(psutil.Error):
        return float(process.create_time())
    return 0.0


def name_of(process: psutil.Process) -> str:
    """What the process runs."""
    with suppress(psutil.Error):
        return " ".join(process.cmdline())[:80]
    return "?"


def end_all(mark: str) -> None:
    """End every process that carries this mark."""
    for process in left_over(mark):
        with suppress(psutil.Error):
            process.kill()


def filed(output: Path) -> dict[str, bytes]:
    """Every filed wheel by its place, with its bytes."""
    wheels = output / "wheels"
    return {path.relative_to(wheels).as_posix(): path.read_bytes() for path in wheels.rglob("*.whl")}
