"""The signals that ask a process to stop, raised where it is, as Ctrl-C is: so it ends in good order."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")  # not every system has all of them
OF_TERMINAL = {int(getattr(signal, name)) for name in ("SIGINT", "SIGBREAK") if hasattr(signal, name)}
ONE_STOP_SECONDS = 4.0  # a group is sent one signal more than once; the stop that the first began is not interrupted


class StopSignal(KeyboardInterrupt):
    """A signal that asked this process to stop."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


@dataclass
class Stops:
    """The first signal that arrived, and when the last one did."""

    number: int = 0
    last: float = float("-inf")

    @property
    def name(self) -> str:
        """What stopped this process, as people call it."""
        return "Ctrl-C" if self.number in (0, signal.SIGINT) else signal.Signals(self.number).name

    @property
    def exit_code(self) -> int:
        """What a process ends with that was stopped by this signal; 0 when none arrived."""
        return 128 + self.number if self.number else 0

    def receive(self, number: int, frame: FrameType | None) -> None:
        """Raise StopSignal, once for all that arrive together."""
        now, before = time.monotonic(), self.last
        if now - before < ONE_STOP_SECONDS:
            return
        self.last, self.number = now, self.number or number
        raise StopSignal(number)


def raise_on_signals() -> tuple[Stops, dict[int, signal._HANDLER]]:
    """Raise StopSignal from now on; also what handled the signals before.

    One that the caller of this process has ignored, as nohup does, stays ignored.
    """
    stops, before = Stops(), {}
    if threading.current_thread() is threading.main_thread():
        for number in (getattr(signal, name) for name in NAMES if hasattr(signal, name)):
            handler = signal.getsignal(number)
            if handler in (signal.SIG_DFL, signal.default_int_handler):
                before[number] = signal.signal(number, stops.receive)
    return stops, before


@contextmanager
def stop_signals() -> Iterator[Stops]:
    """StopSignal is raised in the body; which signal it was stays known."""
    stops, before = raise_on_signals()
    try:
        yield stops
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def is_heard_by_all(number: int) -> bool:
    """Whether who sends this signal to us sends it to the programs in front as well, so that none has to pass it on.

    A console of Windows sends Ctrl-C and Ctrl-Break to all; Popen raises ValueError for either.
    """
    return number in OF_TERMINAL and in_foreground()


def in_foreground() -> bool:
    """Whether this process has a terminal, which sends its Ctrl-C to the programs in front as well."""
    if sys.platform == "win32":
        return True
    else:  # noqa: RET505  what follows is not there on Windows, and mypy knows it by this
        try:
            terminal = os.open("/dev/tty", os.O_RDONLY)
        except OSError:
            return False
        try:
            return os.tcgetpgrp(terminal) == os.getpgrp()
        finally:
            os.close(terminal)
