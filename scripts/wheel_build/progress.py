"""What the user sees while a wheel is built: every op's state, elapsed and expected time, memory, a sign of life.

On a terminal one live table; elsewhere (CI, a pipe) the same as plain lines, grouped for GitHub Actions. Everything
also goes, with a time stamp, into the target's log file.
"""

from __future__ import annotations

import os
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

HEARTBEAT_SECONDS = 20.0
GIB = 1024**3


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


@dataclass
class Progress:
    """The one place that shows what happens; safe to call from several threads."""

    title: str
    log_file: Path
    console: Console = field(default_factory=lambda: Console(stderr=True, highlight=False))
    ops: dict[str, OpState] = field(default_factory=dict)
    workers: int = 1

    def __post_init__(self) -> None:
        self._lock = threading.RLock()
        self._started = self._said = self._watched = time.monotonic()
        self._live: Live | None = None
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        self._log = self.log_file.open("a", encoding="utf-8")
        self.log(f"==== {self.title}")

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close_live()
        if error is not None:
            self.log(f"stopped: {kind.__name__ if kind else ''}: {error}")
        self._close_log()

    def log(self, line: str) -> None:
        """One line into the log file only."""
        stamp = datetime.now().astimezone().isoformat(timespec="milliseconds")
        with self._lock:
            if self._log.closed:
                return
            try:
                self._log.write(f"{stamp} {line}\n")
                self._log.flush()
            except OSError as error:  # what is built is worth more than its log
                self._close_log()
                self.show(f"  {self.log_file} cannot be written: {error.strerror}; the build goes on without its log")

    def show(self, line: str) -> None:
        """One line for the user and the log."""
        self.log(line)
        self._said = time.monotonic()
        with self._lock:
            (self._live.console if self._live else self.console).print(line, markup=False, soft_wrap=True)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """A named stretch of work with its seconds; a group of lines in GitHub Actions."""
        grouped = bool(os.environ.get("GITHUB_ACTIONS"))
        self.show(f"::group::{name}" if grouped else f"▸ {name}")
        started = time.monotonic()
        try:
            yield
        finally:
            self._close_live()
            self.show(f"  {name}: {time.monotonic() - started:.1f} s")
            if grouped:
                self.show("::endgroup::")

    def watch_ops(self, expected: Mapping[str, float], units: Mapping[str, int], workers: int) -> None:
        """Begin to show these ops, each with its expected seconds and number of units."""
        self._watched = time.monotonic()
        self.ops = {op: OpState(expected=expected[op], units=units[op]) for op in expected}
        self.workers = workers
        if self.console.is_terminal and not os.environ.get("CI"):
            self._live = Live(self, console=self.console, refresh_per_second=2, transient=False)
            self._live.start()

    def update(self, op: str, state: str, *, units: int = 0) -> None:
        """Note that an op is in `state` now, one unit more (`units=1`) or one fewer (`units=-1`) being compiled."""
        with self._lock:
            entry = self.ops[op]
            entry.active += units
            entry.done += units < 0
            changed, entry.state = entry.state != state, state
            if state == "compiling" and entry.started is None:
                entry.started = time.monotonic()
            if state in ("built", "cached", "failed"):
                entry.ended = time.monotonic()
        line = f"  {op}: {state} {entry.done}/{entry.units}" + (
            f" after {entry.elapsed():.0f} s" if entry.ended else ""
        )
        if self._live or not (changed or units < 0):
            self.log(line)
        else:
            self.show(line)

    def tick(self) -> None:
        """A sign of life when nothing was said for a while: a long compile must not look like a hang."""
        if self._live is None and time.monotonic() - self._said > HEARTBEAT_SECONDS:
            self.show(f"  … {self.summary()}")

    def summary(self) -> str:
        """Elapsed, expected and memory in one line."""
        busy = [op for op, entry in self.ops.items() if entry.active]
        available = psutil.virtual_memory().available / GIB
        elapsed = time.monotonic() - self._started
        left = f", about {self.remaining() / 60:.1f} min left" if self.ops else ""
        return f"{elapsed:.0f} s elapsed{left}, compiling {', '.join(busy) or 'headers'}, {available:.1f} GiB free"

    def remaining(self) -> float:
        """Expected wall seconds until every op is done: the forecast, scaled by how finished units compare."""
        done = sum(entry.expected * entry.done / entry.units for entry in self.ops.values() if entry.done)
        left = sum(entry.expected * (1 - entry.done / entry.units) for entry in self.ops.values() if not entry.ended)
        spent = (time.monotonic() - self._watched) * self.workers
        pace = min(3.0, max(0.2, spent / done)) if done else 1.0
        return left * pace / self.workers

    def __rich__(self) -> Group:
        table = Table()
        for name in ("op", "state", "units", "seconds"):
            table.add_column(name, justify="left" if name in ("op", "state") else "right")
        for op, entry in self.ops.items():
            table.add_row(op, entry.state, f"{entry.done}/{entry.units}", f"{entry.elapsed():.0f}")
        return Group(Text(f"{self.title}: {self.summary()}"), table)

    def _close_log(self) -> None:
        with suppress(OSError):  # what was not written yet cannot be now
            self._log.close()

    def _close_live(self) -> None:
        if self._live:
            self._live.stop()
            self._live = None
