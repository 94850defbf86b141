"""What the user sees while a wheel is built: every op's state, elapsed and expected time, memory, a sign of life.

On a terminal one line that is kept up to date, below it a table of the ops; elsewhere (CI, a pipe) the same as plain
lines, grouped for GitHub Actions. Everything also goes, with a time stamp, into the target's log file.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import TracebackType

import psutil
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from scripts.console import PlainConsole
from scripts.outgoing import printable, runner_order

HEARTBEAT_SECONDS = 20.0
GIB = 1024**3
MEGA = 1_000_000
DONE = ("built", "cached", "failed")
LONGEST = 100  # characters of a program's line in a sign of life
VARIABLES = re.compile(r"^(?:[A-Z_]+=\S* )+")  # what stands before a command, and says less than it


class StepReached(Exception):
    """The step is done behind which the work was to end."""


@dataclass
class OpState:
    """How far one op is."""

    expected: float  # seconds of one core
    units: int
    state: str = "waiting"
    done: int = 0
    active: int = 0  # units being compiled now
    started: float | None = None
    ended: float | None = None

    def elapsed(self) -> float:
        """Seconds since the op's first unit was started."""
        return 0.0 if self.started is None else (self.ended or time.monotonic()) - self.started

    def words(self) -> str:
        """The state in words; an op from the cache has no units to count."""
        units = "" if self.state == "cached" else f" {self.done}/{self.units}"
        return f"{self.state}{units}" + (f" after {self.elapsed():.0f} s" if self.started and self.ended else "")


@dataclass
class RunningStep:
    """A stretch of work: since when, what ran in it last said, and whether a package client downloads in it.

    uv and pip say without a terminal what they fetch and how large it is, not how far they are: the network knows that,
    though of the whole machine.
    """

    name: str
    downloads: bool = False
    started: float = field(default_factory=time.monotonic)
    before: int = field(default_factory=lambda: received_bytes())
    newest: str = ""

    def sign_of_life(self) -> str:
        """Its name, its seconds, what it received if it is much, and the newest line."""
        seconds = time.monotonic() - self.started
        received = (received_bytes() - self.before) / MEGA
        brought = [f"{received:,.0f} MB received, {received / seconds:,.1f} MB/s"] if received >= 1 else []
        words = ", ".join([f"{self.name}: {seconds:.0f} s", *(brought if self.downloads else [])])
        return f"{words}: {self.newest}" if self.newest else words


@dataclass
class Progress:
    """The one place that shows what happens; safe to call from several threads."""

    title: str
    log_file: Path
    console: Console = field(default_factory=lambda: PlainConsole(stderr=True))
    ops: dict[str, OpState] = field(default_factory=dict)
    workers: int = 1
    until: str = ""  # the step behind which the work ends
    finished: dict[str, float] = field(default_factory=dict)  # step -> wall seconds
    outcomes: dict[str, str] = field(default_factory=dict)  # op -> the last that is known of it, its step over or not
    begun: str = ""  # the last step that began

    def __post_init__(self) -> None:
        self._lock = threading.RLock()
        self._started = self._said = self._watched = self._changed = time.monotonic()
        self._live: Live | None = None
        self._step: RunningStep | None = None
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        self._log = self.log_file.open("a", encoding="utf-8")
        self.log(f"==== {self.title}")

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close_live()
        if error is not None and not isinstance(error, StepReached):
            self.log(f"stopped: {kind.__name__ if kind else ''}: {error}")
        self._close_log()

    def log(self, line: str) -> None:
        """One line into the log file only."""
        stamp = datetime.now().astimezone().isoformat(timespec="milliseconds")
        with self._lock:
            if self._log.closed:
                return
            try:
                self._log.write(f"{stamp} {printable(line)}\n")
                self._log.flush()
            except OSError as error:  # what is built is worth more than its log
                self._close_log()
                self.show(f"  {self.log_file} cannot be written: {error.strerror}; the build goes on without its log")

    def show(self, line: str) -> None:
        """One line for the user and the log."""
        self.log(line)
        self._said = time.monotonic()
        with self._lock, suppress(OSError):  # a terminal that was closed, or a pipe that nobody reads
            (self._live.console if self._live else self.console).print(line, markup=False, soft_wrap=True)

    def _order(self, line: str) -> None:
        """A line that GitHub's runner is to obey; what others say is none to it."""
        self.log(line)
        with self._lock, suppress(OSError):
            self.console.file.write(f"{runner_order(line)}\n")
            self.console.file.flush()

    def heard(self, line: str) -> None:
        """One line of a program that runs: into the log, and shown as the newest."""
        self.log(line)
        if self._step and (text := VARIABLES.sub("", printable(line)).strip()):
            self._step.newest = text if len(text) <= LONGEST else f"{text[:LONGEST]}…"

    @contextmanager
    def step(self, name: str, *, downloads: bool = False) -> Iterator[None]:
        """A named stretch of work with its seconds, and signs of life in it; a group of lines in GitHub Actions."""
        grouped = bool(os.environ.get("GITHUB_ACTIONS"))
        if grouped:
            self._order(f"::group::{name}")
        else:
            self.show(f"▸ {name}")
        self._step = step = RunningStep(name=name, downloads=downloads)
        self.begun = name
        try:
            with self._signs_of_life():
                yield
            self.finished[name] = round(time.monotonic() - step.started, 2)
        finally:
            self._step, self.ops = None, {}
            self.show(f"  {name}: {time.monotonic() - step.started:.1f} s")
            if grouped:
                self._order("::endgroup::")
        if name == self.until:
            raise StepReached(name)

    @contextmanager
    def _signs_of_life(self) -> Iterator[None]:
        """On a terminal a line that is kept up to date, elsewhere one whenever nothing was said for a while."""
        if self.console.is_terminal and not os.environ.get("CI"):
            self._live = Live(self, console=self.console, refresh_per_second=2, transient=True)
            with suppress(OSError):
                self._live.start()
            try:
                yield
            finally:
                self._close_live()
            return
        ended = threading.Event()
        beat = threading.Thread(target=self._beat, args=(ended,), daemon=True)
        beat.start()
        try:
            yield
        finally:
            ended.set()
            beat.join()

    def _beat(self, ended: threading.Event) -> None:
        while not ended.wait(max(0.01, self._said + HEARTBEAT_SECONDS - time.monotonic())):
            if time.monotonic() - self._said >= HEARTBEAT_SECONDS:
                self.show(f"  … {self.summary()}")

    def watch_ops(self, expected: Mapping[str, float], units: Mapping[str, int], workers: int) -> None:
        """Begin to show these ops, each with its expected seconds and number of units."""
        self._watched = self._changed = time.monotonic()
        self.ops = {op: OpState(expected=expected[op], units=units[op]) for op in expected}
        self.outcomes = {op: entry.state for op, entry in self.ops.items()}
        self.workers = workers

    def update(self, op: str, state: str, *, units: int = 0) -> None:
        """Note that an op is in `state` now, one unit more (`units=1`) or one fewer (`units=-1`) being compiled."""
        with self._lock:
            entry = self.ops[op]
            entry.active += units
            entry.done = entry.units if state == "cached" else entry.done + (units < 0)
            changed, entry.state = entry.state != state, state
            self.outcomes[op] = "failed" if self.outcomes.get(op) == "failed" else state
            self._changed = time.monotonic()
            if state == "compiling" and entry.started is None:
                entry.started = time.monotonic()
            if state in DONE:
                entry.ended = time.monotonic()
        line = f"  {op}: {entry.words()}"
        if self._live or not (changed or units < 0):
            self.log(line)
        else:
            self.show(line)

    def summary(self) -> str:
        """What the step does, in one line: while ops are compiled with what is left and the memory that is free."""
        waiting = [op for op, entry in self.ops.items() if not entry.ended]
        step = self._step or RunningStep(name=self.title)
        if not waiting:
            return step.sign_of_life()
        busy = [op for op, entry in self.ops.items() if entry.active]
        linking = [op for op, entry in self.ops.items() if entry.state == "linking"]
        available = psutil.virtual_memory().available / GIB
        left = self.remaining()
        words = f"about {left / 60:.0f} min left" if left >= 90 else f"about {left:.0f} s left"
        words = words if left >= 1 else "it takes longer than expected"
        work = f"compiling {', '.join(busy)}" if busy else f"linking {linking[0]}" if linking else "compiling headers"
        elapsed = time.monotonic() - self._started
        return f"{elapsed:.0f} s elapsed, {words}, {work}, {available:.1f} GiB free"

    def remaining(self) -> float:
        """Expected wall seconds until every op is done: the forecast, scaled by how finished units compare."""
        compiled = [entry for entry in self.ops.values() if entry.done and entry.state != "cached"]
        done = sum(entry.expected * entry.done / entry.units for entry in compiled)
        left = sum(entry.expected * (1 - entry.done / entry.units) for entry in self.ops.values() if not entry.ended)
        spent = (self._changed - self._watched) * self.workers
        pace = min(3.0, max(0.2, spent / done)) if done else 1.0
        return left * pace / self.workers - (time.monotonic() - self._changed)

    def __rich__(self) -> Group:
        line = Text(f"{self.title}: {self.summary()}", no_wrap=True, overflow="ellipsis")
        if not self.ops:
            return Group(line)
        table = Table()
        for name in ("op", "state", "units", "seconds"):
            table.add_column(name, justify="left" if name in ("op", "state") else "right")
        for op, entry in self.ops.items():
            seconds = f"{entry.elapsed():.0f}" if entry.started else ""
            table.add_row(op, entry.state, f"{entry.done}/{entry.units}", seconds)
        return Group(line, table)

    def _close_log(self) -> None:
        with suppress(OSError):  # what was not written yet cannot be now
            self._log.close()

    def _close_live(self) -> None:
        if self._live:
            self._live.transient = not self.ops  # how the ops ended stays in sight
            with suppress(OSError):
                self._live.stop()
            self._live = None


def received_bytes() -> int:
    """What has come in over the network since this machine was started; 0 where the system does not tell."""
    try:
        cards = psutil.net_io_counters(pernic=True)
    except (psutil.Error, OSError, RuntimeError, NotImplementedError):
        return 0
    return sum(card.bytes_recv for name, card in cards.items() if not name.startswith(("lo", "Loopback")))
