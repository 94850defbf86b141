"""`Desk`: what the panels share: whose environment, what goes on, and the way back from a thread into the window."""

from __future__ import annotations

import os
import queue
import threading
import tkinter as tk
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from scripts.dirs import OUTPUT_VARIABLE, Dirs, dirs_with
from scripts.errors import WheelsError
from scripts.window.job import Work, ask_task

T = TypeVar("T")
PAUSE = 60  # milliseconds between two looks at what threads have left


class Desk:
    """The window as its panels see it. Tk belongs to one thread: all others leave what they want done in a queue."""

    def __init__(self, root: tk.Tk, scale: float) -> None:
        self.root, self._scale = root, scale
        self.python = tk.StringVar(root)  # the environment's directory or Python; empty: the active one
        self.output = tk.StringVar(root)  # where wheels and logs go; empty: as usual
        self.begin: Callable[[Work, Callable[[int], None]], None] = lambda work, done: None
        self._left: queue.Queue[Callable[[], None]] = queue.Queue()
        self._tick()

    def later(self, what: Callable[[], None]) -> None:
        """Do this in the window's own thread, soon."""
        self._left.put(what)

    def find_out(self, question: Callable[[], T], then: Callable[[T], None], failed: Callable[[str], None]) -> None:
        """Ask something that takes a while in a thread, and hand on what came of it, or the message of its error."""

        def work() -> None:
            try:
                answer = question()
            except WheelsError as error:
                line = error.line
                self.later(lambda: failed(line))
            else:
                self.later(lambda: then(answer))

        threading.Thread(target=work, daemon=True).start()

    def ask(
        self,
        words: tuple[str, ...],
        then: Callable[[dict[str, Any], str], None],
        variables: Mapping[str, str] | None = None,
    ) -> None:
        """The JSON answer of a task, and what it said beside it."""
        self.find_out(
            lambda: ask_task(*words, variables=variables), lambda answer: then(*answer), lambda line: then({}, line)
        )

    def environment_words(self) -> tuple[str, ...]:
        """The option that names the environment; none for the active one."""
        python = self.python.get().strip()
        return ("--python", python) if python else ()

    def variables(self) -> Mapping[str, str]:
        """What a build, and whoever asks about it, is told of the folder for wheels and logs."""
        folder = self.output.get().strip()
        return {OUTPUT_VARIABLE: folder} if folder else {}

    def dirs(self) -> Dirs:
        """The folders with that choice."""
        return dirs_with({**os.environ, **self.variables()})

    def dots(self, usual: int) -> int:
        """As many dots of this screen as so many of a usual one."""
        return round(usual * self._scale)

    def _tick(self) -> None:
        for _ in range(200):  # a build may say more than a window can show at once
            try:
                what = self._left.get_nowait()
            except queue.Empty:
                break
            what()
        self.root.after(PAUSE, self._tick)
