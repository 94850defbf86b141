"""What goes on: its last line, how long it has taken, the whole log, and the buttons that stop and repeat it."""

from __future__ import annotations

import time
import tkinter as tk
from collections.abc import Callable
from tkinter import ttk

from scripts.outgoing import printable
from scripts.window.colours import Colours
from scripts.window.desk import Desk
from scripts.window.job import STOPPED, RunningWork, Work
from scripts.window.read_only_text import ReadOnlyText

MOST_LINES = 20_000  # of the log that is shown; the log of a build is kept whole in its file
END_SECONDS = 20.0  # for what runs when the window closes


class Activity(ttk.Frame):
    """The lower part of the window. One job at a time: builds share processors and disks anyway."""

    def __init__(self, parent: tk.Misc, desk: Desk) -> None:
        super().__init__(parent, padding=(12, 4, 12, 12))
        self.desk = desk
        self.job: RunningWork | None = None
        self._last: tuple[Work, Callable[[int], None]] | None = None
        self._begun = 0.0
        self.told = ttk.Label(self, text="Nothing is going on.", style="Strong.TLabel")
        self.line = ttk.Label(self, style="Quiet.TLabel")
        self.progress = ttk.Progressbar(self, mode="determinate")
        self.cancel = ttk.Button(self, text="Cancel", underline=0, command=self.stop, state="disabled")
        self.retry = ttk.Button(self, text="Retry", underline=0, command=self.again, state="disabled")
        self.copy = ttk.Button(self, text="Copy log", underline=3, command=self.copy_log)
        self.log = ReadOnlyText(self, height=9, wrap="char", font="TkFixedFont")
        self._lay_out()
        desk.begin = self.begin

    def _lay_out(self) -> None:
        self.columnconfigure(0, weight=1)
        self.rowconfigure(3, weight=1)
        self.told.grid(row=0, column=0, sticky="w")
        for column, button in enumerate((self.cancel, self.retry, self.copy), start=1):
            button.grid(row=0, column=column, rowspan=2, padx=(8, 0))
        self.line.grid(row=1, column=0, sticky="we")
        self.progress.grid(row=2, column=0, columnspan=4, sticky="we", pady=6)
        bar = ttk.Scrollbar(self, command=self.log.yview)
        self.log.configure(yscrollcommand=bar.set)
        self.log.grid(row=3, column=0, columnspan=4, sticky="nsew")
        bar.grid(row=3, column=4, sticky="ns")

    def show(self, colours: Colours) -> None:
        """Take these colours."""
        self.log.show(colours)

    @property
    def busy(self) -> bool:
        """Whether something goes on."""
        return self.job is not None

    def begin(self, work: Work, done: Callable[[int], None]) -> None:
        """Start the work, unless something goes on; `done` gets its exit code."""
        if self.job:
            self.line.configure(text=f"{self.job.work.title} goes on; cancel it or wait for its end.")
            return
        self._last, self._begun = (work, done), time.monotonic()
        self.log.write("")
        self.line.configure(text="")
        self.told.configure(text=f"{work.title} …", style="Strong.TLabel")
        self.cancel.configure(state="normal")
        self.retry.configure(state="disabled")
        self.progress.configure(mode="indeterminate")
        self.progress.start(15)
        self.job = RunningWork(
            work,
            lambda line: self.desk.later(lambda: self._say(line)),
            lambda code: self.desk.later(lambda: self._ended(code, done)),
        )
        self.job.start()

    def stop(self) -> None:
        """Cancel what goes on."""
        if self.job:
            self.told.configure(text=f"{self.job.work.title}: stopping …")
            self.cancel.configure(state="disabled")
            self.job.cancel()

    def again(self) -> None:
        """Do the same once more; a build goes on from what is finished."""
        if self._last and not self.job:
            self.begin(*self._last)

    def copy_log(self) -> None:
        """Put the log on the clipboard."""
        self.clipboard_clear()
        self.clipboard_append(self.log.whole)
        self.line.configure(text="The log is on the clipboard.")

    def end(self) -> None:
        """End what goes on, before the window closes."""
        if self.job:
            self.job.end(END_SECONDS)

    def _ended(self, code: int, done: Callable[[int], None]) -> None:
        title = self.job.work.title if self.job else ""
        self.job = None
        self.progress.stop()
        self.progress.configure(mode="determinate", value=0)
        self.cancel.configure(state="disabled")
        self.retry.configure(state="normal")
        took = f"{time.monotonic() - self._begun:.0f} s"
        if code == STOPPED:
            self.told.configure(text=f"{title}: stopped after {took}; Retry goes on", style="Unsure.TLabel")
        elif code:
            self.told.configure(text=f"{title}: failed after {took} (exit code {code})", style="Bad.TLabel")
        else:
            self.told.configure(text=f"{title}: done in {took}", style="Good.TLabel")
        done(code)

    def _say(self, line: str) -> None:
        text = printable(line)
        self.log.add(text, MOST_LINES)
        if text.strip():
            self.line.configure(text=text.strip()[:160])
