"""This machine: whose environment, and what the doctor finds there."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from tkinter import filedialog, messagebox, ttk
from typing import Any

from scripts.carried import one_file
from scripts.window.colours import Colours
from scripts.window.desk import Desk
from scripts.window.job import Work, task_command
from scripts.window.theme import wrap_to_width

SIDES = {"To run a wheel": "run", "To build one": "build"}
MARKS = {"ok": "✓ ok", "wrong": "✗ wrong", "missing": "✗ missing", "unknown": "? unknown"}


class MachinePanel(ttk.Frame):
    """The first panel; it looks at the machine when the window opens, and changes nothing."""

    def __init__(self, parent: tk.Misc, desk: Desk, looked: Callable[[], None]) -> None:
        super().__init__(parent, padding=12)
        self.desk, self._looked = desk, looked
        self.findings: dict[str, dict[str, Any]] = {}
        self.side = tk.StringVar(self, next(iter(SIDES)))
        self.python = ttk.Entry(self, textvariable=desk.python)
        self.summary = ttk.Label(self, style="Strong.TLabel", justify="left")
        self.table = ttk.Treeview(self, columns=("what", "found"), height=8, selectmode="browse")
        self.detail = ttk.Label(self, justify="left")
        self.fix = ttk.Entry(self, state="readonly")
        self.look_button = ttk.Button(self, text="Look again", underline=0, command=self.look)
        self.fix_button = ttk.Button(self, text="Fix what can be fixed …", underline=0, command=self.mend)
        self._lay_out()

    def _lay_out(self) -> None:
        self.columnconfigure(1, weight=1)
        self.rowconfigure(3, weight=1)
        ttk.Label(self, text="Environment").grid(row=0, column=0, sticky="w", padx=(0, 8))
        self.python.grid(row=0, column=1, sticky="we")
        ttk.Button(self, text="Browse …", underline=0, command=self.browse).grid(row=0, column=2, padx=(8, 0))
        sides = ttk.Combobox(self, textvariable=self.side, values=self._sides(), state="readonly", width=16)
        sides.grid(row=0, column=3, padx=(8, 0))
        sides.bind("<<ComboboxSelected>>", lambda event: self.look())
        self.look_button.grid(row=0, column=4, padx=(8, 0))
        hint = "A directory or its Python; empty is the active environment. Nothing is changed by looking."
        ttk.Label(self, text=hint, style="Quiet.TLabel").grid(row=1, column=1, columnspan=4, sticky="w", pady=(2, 8))
        for label in (self.summary, self.detail):
            wrap_to_width(label)
        self.summary.grid(row=2, column=0, columnspan=5, sticky="we", pady=(0, 6))
        self.table.heading("#0", text="State", anchor="w")
        self.table.heading("what", text="What", anchor="w")
        self.table.heading("found", text="Found", anchor="w")
        for column, width in (("#0", 130), ("what", 260), ("found", 500)):
            self.table.column(column, width=self.desk.dots(width), stretch=column == "found")
        self.table.grid(row=3, column=0, columnspan=5, sticky="nsew")
        self.table.bind("<<TreeviewSelect>>", lambda event: self._explain())
        self.detail.grid(row=4, column=0, columnspan=5, sticky="we", pady=(8, 4))
        self.fix.grid(row=5, column=0, columnspan=4, sticky="we")
        self.fix_button.grid(row=5, column=4, padx=(8, 0))
        self.python.bind("<Return>", lambda event: self.look())

    def _sides(self) -> list[str]:
        return [name for name, side in SIDES.items() if side == "run" or one_file() is None]

    def show(self, colours: Colours) -> None:
        """Take these colours."""
        for state, colour in colours.states.items():
            self.table.tag_configure(state, foreground=colour)

    def browse(self) -> None:
        """Choose the environment's directory."""
        folder = filedialog.askdirectory(parent=self, title="The directory of a Python environment")
        if folder:
            self.desk.python.set(folder)
            self.look()

    def look(self) -> None:
        """Ask the doctor."""
        self.summary.configure(text="Looking …")
        self.look_button.configure(state="disabled")
        self.desk.ask(self._words(), self._show_answer)
        self._looked()

    def _words(self) -> tuple[str, ...]:
        side = SIDES[self.side.get()]
        return ("doctor", *(("--to", side) if one_file() is None else ()), *self.desk.environment_words())

    def _show_answer(self, document: dict[str, Any], said: str) -> None:
        self.look_button.configure(state="normal")
        self.table.delete(*self.table.get_children())
        self.findings = {row["id"]: row for row in document.get("findings", [])}
        self.summary.configure(text=document.get("summary") or said or "The doctor gave no answer.")
        for id, row in self.findings.items():
            words = {"text": MARKS.get(row["state"], row["state"]), "values": (row["what"], row["found"])}
            self.table.insert("", "end", id, tags=(row["state"],), **words)
        first = next((id for id, row in self.findings.items() if row["state"] in ("wrong", "missing")), None)
        first = first or next(iter(self.findings), None)
        if first:
            self.table.selection_set(first)
            self.table.focus(first)
        self.fix_button.configure(state="normal" if any(row["words"] for row in self.findings.values()) else "disabled")

    def _explain(self) -> None:
        chosen = self.findings.get(next(iter(self.table.selection()), ""))
        self.detail.configure(text=(chosen["consequence"] or "All is well here.") if chosen else "")
        self.fix.configure(state="normal")
        self.fix.delete(0, "end")
        self.fix.insert(0, chosen["fix"] if chosen else "")
        self.fix.configure(state="readonly")

    def mend(self) -> None:
        """Show the lines that mend what is wrong, run them once that is agreed to, and look again."""
        lines = [row["fix"] for row in self.findings.values() if row["words"] and row["state"] != "ok"]
        if not lines or not messagebox.askokcancel("Fix", "Run these lines now?\n\n" + "\n".join(lines), parent=self):
            return
        work = Work(title="Fix", steps=(task_command(*self._words(), "--fix"),))
        self.desk.begin(work, lambda code: self.look())
