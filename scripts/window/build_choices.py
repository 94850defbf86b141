"""The options of a build: ops, how far the wheel is verified, how many compilers, which toolkit, and where it goes."""

from __future__ import annotations

import tkinter as tk
from pathlib import Path
from tkinter import filedialog, ttk

from scripts.facts.facts import Facts
from scripts.plan.target import Target, name_without_level
from scripts.window.desk import Desk
from scripts.window.what_can_exist import ops_of

USUAL_LEVEL = "full"
SOURCES = ("auto", "tag", "sdist")
HEADERS = ("auto", "precompiled", "small", "torch")
SWITCHES = {"cache": "Use the op cache"}


class BuildChoices(ttk.LabelFrame):
    """A frame of the second panel; what it says becomes words behind `invoke build`."""

    def __init__(self, parent: tk.Misc, desk: Desk) -> None:
        super().__init__(parent, text="Of a build", padding=10)
        self.desk = desk
        self.ops: dict[str, tk.BooleanVar] = {}
        self.level = tk.StringVar(self, USUAL_LEVEL)
        self.levels = ttk.Combobox(self, textvariable=self.level, state="readonly", width=8)
        self.source = tk.StringVar(self, SOURCES[0])
        self.headers = tk.StringVar(self, HEADERS[0])
        self.jobs = tk.StringVar(self, "0")
        self.toolkit = tk.StringVar(self)
        self.switches = {name: tk.BooleanVar(self, value=True) for name in SWITCHES}
        self.lacking = tk.BooleanVar(self, value=False)
        self.ops_button = ttk.Menubutton(self, text="All ops", width=14)
        self.menu = tk.Menu(self.ops_button, tearoff=False)
        self.ops_button.configure(menu=self.menu)
        self._lay_out()

    def _lay_out(self) -> None:
        self._labelled(0, "Ops", self.ops_button)
        self._labelled(1, "Verify", self.levels)
        sources = ttk.Combobox(self, textvariable=self.source, values=SOURCES, state="readonly", width=6)
        self._labelled(2, "Source", sources)
        headers = ttk.Combobox(self, textvariable=self.headers, values=HEADERS, state="readonly", width=11)
        self._labelled(3, "torch's headers", headers)
        self._labelled(4, "Compilers (0: all)", ttk.Spinbox(self, textvariable=self.jobs, from_=0, to=256, width=6))
        self.columnconfigure(4, weight=1)
        folders = ttk.Frame(self)
        folders.grid(row=2, column=0, columnspan=5, sticky="we", pady=(8, 0))
        for column, text, variable in (
            (0, "CUDA toolkit (empty: found)", self.toolkit),
            (2, "Wheels to (empty: here)", self.desk.output),
        ):
            ttk.Label(folders, text=text).grid(row=0, column=column, sticky="w", padx=(0, 8))
            self._chosen_folder(folders, variable).grid(row=0, column=column + 1, sticky="we", padx=(0, 16))
            folders.columnconfigure(column + 1, weight=1)
        row = ttk.Frame(self)
        row.grid(row=3, column=0, columnspan=5, sticky="w", pady=(8, 0))
        for name, text in SWITCHES.items():
            ttk.Checkbutton(row, text=text, variable=self.switches[name]).pack(side="left", padx=(0, 16))
        lacking = "Leave out ops for which a header is missing"
        ttk.Checkbutton(row, text=lacking, variable=self.lacking).pack(side="left")

    def _labelled(self, column: int, text: str, widget: tk.Widget) -> None:
        ttk.Label(self, text=text).grid(row=0, column=column, sticky="w", padx=(0, 12))
        widget.grid(row=1, column=column, sticky="w", padx=(0, 12))

    def _chosen_folder(self, parent: tk.Misc, variable: tk.StringVar) -> ttk.Frame:
        frame = ttk.Frame(parent)
        ttk.Entry(frame, textvariable=variable, width=10).pack(side="left", fill="x", expand=True)

        def choose() -> None:
            variable.set(filedialog.askdirectory(parent=self) or variable.get())

        ttk.Button(frame, text="…", width=2, command=choose).pack(side="left", padx=(4, 0))
        return frame

    def offer(self, facts: Facts, target: Target | None) -> None:
        """List the levels, and the ops of a target; those that its system cannot have stay grey, with their reason."""
        self.levels.configure(values=tuple(facts.verification_levels)[::-1])  # the most thorough first
        before = set(self.chosen_ops())
        self.menu.delete(0, "end")
        self.ops = {}
        for op in ops_of(facts, target) if target else ():
            why_not = op.support.why_not.get(target.system, "") if target else ""
            variable = self.ops[op.name] = tk.BooleanVar(self, value=op.name in before and not why_not)
            label = f"{op.name}: {why_not}" if why_not else op.name
            self.menu.add_checkbutton(label=label[:110], variable=variable, command=self._tell)
            if why_not:
                self.menu.entryconfigure("end", state="disabled")
        self._tell()

    def _tell(self) -> None:
        chosen = self.chosen_ops()
        self.ops_button.configure(text=f"{len(chosen)} of {len(self.ops)} ops" if chosen else "All ops")

    def chosen_ops(self) -> tuple[str, ...]:
        """The ops that are ticked; none means all."""
        return tuple(name for name, chosen in self.ops.items() if chosen.get())

    def words(self) -> tuple[str, ...]:
        """What is typed behind `invoke build` for this; nothing for what is as usual."""
        words: list[str] = []
        if ops := self.chosen_ops():
            words += ["--ops", ",".join(ops)]
        if self.level.get() != USUAL_LEVEL:
            words += ["--verify", self.level.get()]
        if self.source.get() != SOURCES[0]:
            words += ["--source", self.source.get()]
        if self.headers.get() != HEADERS[0]:
            words += ["--headers", self.headers.get()]
        if self.jobs.get() not in ("", "0"):
            words += ["--jobs", self.jobs.get()]
        if toolkit := self.toolkit.get().strip():
            words += ["--toolkit", toolkit]
        words += [f"--no-{name}" for name, chosen in self.switches.items() if not chosen.get()]
        return (*words, "--allow-missing") if self.lacking.get() else tuple(words)


def newest_wheel(target: Target, wheelhouse: Path) -> Path:
    """The wheel of a target that was filed last, whatever its level or its ops; a place for it if there is none."""
    home = wheelhouse / target.folder
    its = (path for path in home.rglob("*.whl") if name_without_level(path.name) == target.wheel_name)
    return max(its, key=lambda path: path.stat().st_mtime, default=home / target.wheel_name)
