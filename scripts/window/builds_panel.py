"""Past builds: how each ended, its log, why it failed, and the way to try again or to install what came of it."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from pathlib import Path
from tkinter import ttk
from typing import Any

from scripts.carried import one_file
from scripts.plan.target import parse_id
from scripts.window.build_choices import newest_wheel
from scripts.window.colours import Colours
from scripts.window.desk import Desk
from scripts.window.job import Work, task_command
from scripts.window.read_only_text import ReadOnlyText

MARKS = {"built": "✓ built", "failed": "✗ failed", "building": "… stopped"}
MOST_BYTES = 4_000_000  # of a log that is shown; the end says most


class BuildsPanel(ttk.Frame):
    """The third panel: what `invoke report` knows."""

    def __init__(self, parent: tk.Misc, desk: Desk, install: Callable[[Path], None]) -> None:
        super().__init__(parent, padding=12)
        self.desk, self._install = desk, install
        self.results: dict[str, dict[str, Any]] = {}
        self.table = ttk.Treeview(self, columns=("target", "told"), height=6, selectmode="browse")
        self.text = ReadOnlyText(self, height=8, wrap="none", font="TkFixedFont")
        self._lay_out()

    def _lay_out(self) -> None:
        self.columnconfigure(0, weight=1)
        self.rowconfigure(0, weight=1)
        self.rowconfigure(2, weight=2)
        for column, title, width in (("#0", "State", 120), ("target", "Target", 400), ("told", "What came of it", 400)):
            self.table.heading(column, text=title, anchor="w")
            self.table.column(column, width=self.desk.dots(width), stretch=column == "told")
        self.table.grid(row=0, column=0, sticky="nsew")
        self.table.bind("<<TreeviewSelect>>", lambda event: self.show_log())
        self.table.bind("<Return>", lambda event: self.explain())
        bar = ttk.Frame(self)
        bar.grid(row=1, column=0, sticky="w", pady=8)
        actions = {
            ("Why it failed", 0): self.explain,
            ("Build again", 6): self.again,
            ("Install its wheel", 0): self.put,
            ("Refresh", 2): self.look,
        }
        for (text, underline), action in actions.items():
            button = ttk.Button(bar, text=text, underline=underline, command=action)
            button.pack(side="left", padx=(0, 8))
        self.text.grid(row=2, column=0, sticky="nsew")

    def show(self, colours: Colours) -> None:
        """Take these colours."""
        tags = {"built": colours.good, "failed": colours.bad, "building": colours.unsure}
        for state, colour in tags.items():
            self.table.tag_configure(state, foreground=colour)
        self.text.show(colours)

    def look(self) -> None:
        """Read the results anew."""
        if one_file() is None:
            self.desk.ask(("report",), self._show_results, self.desk.variables())
        else:
            self._write("The one file builds nothing, so there is no past build.")

    def _show_results(self, document: dict[str, Any], said: str) -> None:
        self.table.delete(*self.table.get_children())
        self.results = {str(number): row for number, row in enumerate(document.get("results", []))}
        for number, row in self.results.items():
            told = (row["message"] or "").splitlines()[:1] or ["filed in the wheelhouse"]
            mark = MARKS.get(row["state"], row["state"])
            self.table.insert("", "end", number, text=mark, values=(row["target"], told[0]), tags=(row["state"],))
        if self.results:
            self.table.selection_set("0")
            self.table.focus("0")
        else:
            self._write(said or "Nothing was built yet.")

    def chosen(self) -> dict[str, Any] | None:
        """The result whose row is chosen."""
        return self.results.get(next(iter(self.table.selection()), ""))

    def _log(self) -> Path | None:
        result = self.chosen()
        return self.desk.dirs().log(result["target"]) if result else None

    def show_log(self) -> None:
        """The log of the chosen build, its end when it is long."""
        log = self._log()
        if log is None:
            return

        def read() -> str:
            try:
                with log.open("rb") as file:
                    file.seek(max(0, log.stat().st_size - MOST_BYTES))
                    return file.read().decode("utf-8", "replace")
            except OSError as error:
                return f"{log} cannot be read: {error.strerror}"

        self.desk.find_out(read, self._write, self._write)

    def _write(self, text: str) -> None:
        self.text.write(text, to_end=True)

    def explain(self) -> None:
        """Ask the diagnosis about its log."""
        if log := self._log():
            work = Work(title="Why it failed", steps=(task_command("diagnose", str(log)),))
            self.desk.begin(work, lambda code: None)

    def again(self) -> None:
        """Build the same target again; what was finished is used."""
        if result := self.chosen():
            work = Work(
                title="Build", steps=(task_command("build", "--id", result["target"], variables=self.desk.variables()),)
            )
            self.desk.begin(work, lambda code: self.look())

    def put(self) -> None:
        """Install the wheel that this build filed."""
        if result := self.chosen():
            self._install(newest_wheel(parse_id(result["target"]), self.desk.dirs().wheelhouse))
