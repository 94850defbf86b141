"""`Command`: what to run, as a value; and `run`, `ask` and `run_in_front`, the one place that starts processes.

A step returns a Command. Nox runs it, `--dry-run` prints it, the manifest records it and a test compares it,
so the local build and the CI build cannot drift apart.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import TextIO, TypeAlias

from scripts.disk_space import NEXT, said_full
from scripts.errors import CommandError
from scripts.guard import GUARD, new_name
from scripts.outgoing import IN_CODE_PAGE, SAYING, pass_on
from scripts.process_tree import GRACE_SECONDS, ProcessGroup, end_tree, starting, tree_bytes
from scripts.shell import assignment, change_folder, shell_line, with_input
from scripts.stop_signals import StopSignal, is_heard_by_all

ASK_SECONDS = 20.0
STOP_SECONDS = 10.0  # for a program in front that was told to stop
Log: TypeAlias = Callable[[str], None]  # what takes a line about work that goes on
NOT_STARTED = -1  # exit code of an `Answer` from a program that could not be started or did not end in time


def no_log(line: str) -> None:
    """Nothing: the log of work that nobody watches."""


@dataclass(frozen=True, kw_only=True)
class Command:
    """One program call: `argv`, the variables it adds to the caller's environment, its directory and its input."""

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: PurePath | None = None
    stdin: str | None = None  # the line that it reads; "": no line at all; None: what the caller sends

    def as_shell(self, *, windows: bool = os.name == "nt") -> str:
        """The line to paste into a POSIX shell, or into cmd.exe when `windows`."""
        steps = [assignment(name, value, windows=windows) for name, value in sorted(self.env.items())]
        folder = [change_folder(str(self.cwd), windows=windows)] if self.cwd else []
        line = shell_line(self.argv, windows=windows)
        if windows:
            return " && ".join([*folder, *steps, with_input(line, self.stdin, "NUL")])
        return " && ".join([*folder, with_input(" ".join([*steps, line]), self.stdin, "/dev/null")])


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a command ended: exit code, wall seconds, peak resident bytes of its process tree, last output."""

    exit_code: int
    seconds: float
    peak_bytes: int
    output: str


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a program that was asked something said, its two outputs apart."""

    exit_code: int  # NOT_STARTED when there was no answer; `errors` then holds the reason
    output: str
    errors: str

    @property
    def text(self) -> str | None:
        """The output without the blanks around it; None when the program failed."""
        return self.output.strip() if self.exit_code == 0 else None


def ask(
    program: str | Sequence[str],
    *,
    seconds: float = ASK_SECONDS,
    env: Mapping[str, str] | None = None,
    cwd: PurePath | None = None,
    stdin: str = "",
    encoding: str = "utf-8",
) -> Answer:
    """What a short program says; never raises. `env` is its whole environment, this process's own unless given.

    In this process's own a Python says all in UTF-8: a path of a person's folder has letters of any alphabet.
    A text as `program` is a whole command line, which Windows takes as it is.
    """
    try:
        process = subprocess.Popen(
            program,
            env=GUARD.marked({**os.environ, **SAYING} if env is None else env),
            cwd=cwd,
            stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    except OSError as error:
        return Answer(exit_code=NOT_STARTED, output="", errors=error.strerror or str(error))
    try:
        output, errors = process.communicate(stdin.encode(encoding) if stdin else None, timeout=seconds)
    except subprocess.TimeoutExpired:
        end_tree(process.pid)
        with suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=GRACE_SECONDS)
        return Answer(exit_code=NOT_STARTED, output="", errors=f"it ran longer than {seconds:g} s and was ended")
    except BaseException:
        end_tree(process.pid)
        raise
    said = [content.decode(encoding, IN_CODE_PAGE).replace("\r\n", "\n") for content in (output, errors)]
    return Answer(exit_code=process.returncode, output=said[0], errors=said[1])


def run_in_front(command: Command, *, output: TextIO | None = None, heard: Log | None = None) -> int:
    """The exit code of a program that has our terminal; what it prints goes to `output`, standard error unless given.

    `heard` takes each line of its standard error, which is printed all the same. When this process is told to stop, so
    is the program, and KeyboardInterrupt is raised once it has ended.
    """
    name = new_name()
    variables = GUARD.marked({**os.environ, **_as_here(command.env)}, name)
    errors = subprocess.PIPE if heard else None
    with starting(command.argv[0]):
        process = subprocess.Popen(
            command.argv, cwd=command.cwd, env=variables, stdout=output or sys.stderr, stderr=errors
        )
    reader = threading.Thread(target=pass_on, args=(process.stderr, heard or no_log), daemon=True)
    reader.start()
    try:
        return process.wait()
    except KeyboardInterrupt as stop:
        _hand_on(process, stop)
        raise
    finally:
        GUARD.end(name)  # it may have been killed, and what it started has not
        reader.join(timeout=GRACE_SECONDS)


def _hand_on(process: subprocess.Popen[bytes], stop: KeyboardInterrupt) -> None:
    """Tell the program to stop, unless its terminal has; end it when it does not."""
    number = stop.number if isinstance(stop, StopSignal) else signal.SIGINT
    if not is_heard_by_all(number):
        process.send_signal(number)
    try:
        process.wait(STOP_SECONDS)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        end_tree(process.pid)
        process.wait()


def run(
    command: Command,
    *,
    log: Log = no_log,
    group: ProcessGroup | None = None,
    timeout_seconds: float | None = None,
) -> Outcome:
    """The outcome of running `command`, its two outputs merged line by line into `log`.

    Never raises for a non-zero exit code (see `check`). Raises CommandError when the program is missing or
    outlives `timeout_seconds`; its whole process tree is ended then, and likewise on Ctrl-C.
    """
    return Running(command, log=log, group=group).finish(timeout_seconds)


class Running:
    """A started command that takes lines on its standard input; leaving it early ends its process tree."""

    def __init__(self, command: Command, *, log: Log = no_log, group: ProcessGroup | None = None) -> None:
        self.command, self._log, self._group = command, log, group or ProcessGroup()
        self._lines: list[str] = []
        self._started = time.monotonic()
        self._process = _start(command)
        if command.stdin:
            self.send(command.stdin)
        self._group.add(self._process)
        self._reader = threading.Thread(target=self._pump, daemon=True)
        self._reader.start()

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *error: object) -> None:
        if self._process.poll() is None:
            end_tree(self._process.pid)
            self._process.wait()
        self._close_input()
        self._group.remove(self._process)

    def wait_for(self, line: str) -> None:
        """Return when the program has printed `line`; raises CommandError when it ends without."""
        while line not in self._lines:
            if self._process.poll() is not None:
                self._reader.join(timeout=GRACE_SECONDS)
                if line not in self._lines:
                    check(self.command, self._outcome(0))
                    raise CommandError(f"{self.command.argv[0]} ended without saying {line}")
            time.sleep(0.02)

    def send(self, line: str) -> None:
        """Write one line to the program's standard input."""
        if self._process.stdin:
            with suppress(OSError):  # it has ended: its exit code says why
                self._process.stdin.write(line + "\n")
                self._process.stdin.flush()

    def finish(self, timeout_seconds: float | None = None) -> Outcome:
        """The outcome at the end of the program; see `run` for what it raises."""
        self._close_input()
        try:
            peak = _wait(self._process, self._started, timeout_seconds)
        except BaseException:
            end_tree(self._process.pid)
            raise
        finally:
            self._group.remove(self._process)
        self._reader.join(timeout=GRACE_SECONDS)
        if peak is None:
            raise CommandError(
                f"{Path(self.command.argv[0]).name} ran longer than {timeout_seconds:.0f} s and was ended",
                id="command-timed-out",
            )
        return self._outcome(peak)

    def _close_input(self) -> None:
        if self._process.stdin:
            with suppress(OSError):
                self._process.stdin.close()

    def _outcome(self, peak: int) -> Outcome:
        seconds, output = time.monotonic() - self._started, "\n".join(self._lines)
        return Outcome(exit_code=self._process.returncode, seconds=seconds, peak_bytes=peak, output=output)

    def _pump(self) -> None:
        with self._process.stdout or nullcontext(()) as output:
            for line in output:
                self._lines.append(line.rstrip("\n"))
                self._log(line.rstrip("\n"))


def _start(command: Command) -> subprocess.Popen[str]:
    with starting(command.argv[0]):
        return subprocess.Popen(
            command.argv,
            env=GUARD.marked({**os.environ, **_as_here(command.env)}),
            cwd=command.cwd,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors=IN_CODE_PAGE,
            start_new_session=sys.platform != "win32",
        )


def _as_here(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables as this system knows them: Windows takes Path and PATH for one, and os.environ says PATH."""
    return {name.upper() if os.name == "nt" else name: value for name, value in variables.items()}


def _wait(process: subprocess.Popen[str], started: float, timeout_seconds: float | None) -> int | None:
    """Peak bytes seen until the process ended; None when it was ended for running out of time."""
    peak, pause = 0, 0.02
    while True:
        try:
            process.wait(timeout=pause)
            return peak
        except subprocess.TimeoutExpired:
            peak = max(peak, tree_bytes(process.pid))
            pause = min(pause * 2, 0.5)
        if timeout_seconds is not None and time.monotonic() - started > timeout_seconds:
            end_tree(process.pid)
            process.wait()
            return None


def check(command: Command, outcome: Outcome, *, tail: int = 15) -> Outcome:
    """The outcome itself; raises CommandError with the last `tail` lines when the exit code is not zero."""
    if outcome.exit_code:
        last = "\n".join(f"  {line}" for line in outcome.output.splitlines()[-tail:])
        name = Path(command.argv[0]).name
        if line := said_full(outcome.output):
            where = f" (in {command.cwd})" if command.cwd else ""
            raise CommandError(f"{name}{where} could not write, a disk is full: {line}; {NEXT}", id="disk-full")
        raise CommandError(f"{name} ended with exit code {outcome.exit_code}: {command.as_shell()}\n{last}")
    return outcome


def as_script(commands: Iterable[Command], *, windows: bool = os.name == "nt") -> str:
    """Commands as lines to paste, in order."""
    return "\n".join(command.as_shell(windows=windows) for command in commands)
