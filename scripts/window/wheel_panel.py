"""What to get: DeepSpeed, torch and CUDA that exist together, where from and where to; and the buttons that get it."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Mapping
from pathlib import Path
from tkinter import filedialog, ttk
from typing import Any

from scripts.carried import one_file
from scripts.command import Command
from scripts.commands.project import Project, open_project
from scripts.plan.expand import Plan
from scripts.plan.target import Target
from scripts.window.build_choices import BuildChoices, newest_wheel
from scripts.window.colours import Colours
from scripts.window.desk import Desk
from scripts.window.job import Work, task_command
from scripts.window.older_config import Checked, read_older_config
from scripts.window.read_only_text import ReadOnlyText
from scripts.window.theme import wrap_to_width
from scripts.window.what_can_exist import CHOSEN, plan_for, possible, targets_of

ANY = "newest that fits"
NAMES = {"deepspeed": "DeepSpeed", "torch": "torch", "cuda": "CUDA of torch"}
NO_CLONE = "Building needs a clone of the repository: git clone it, and open the window there with 'invoke gui'."


class WheelPanel(ttk.Frame):
    """The second panel."""

    def __init__(self, parent: tk.Misc, desk: Desk) -> None:
        super().__init__(parent, padding=12)
        self.desk = desk
        self.project: Project | None = None
        self.plan: Plan | None = None
        self.chosen = {axis: tk.StringVar(self, ANY) for axis in CHOSEN}
        self.boxes: dict[str, ttk.Combobox] = {}
        self.index = tk.StringVar(self)
        self._looks = 0  # how often it has looked; an older answer says nothing any more
        self._looked_at = ""  # where wheels were from then
        self.headline = ttk.Label(self, style="Strong.TLabel", justify="left", text="Looking …")
        self.reasons = ReadOnlyText(self, height=5, wrap="word", font="SunValleyBodyFont")
        self.options = BuildChoices(self, desk)
        self.buttons = self._buttons()
        self._lay_out()

    def _lay_out(self) -> None:
        self.columnconfigure(5, weight=1)
        self.rowconfigure(4, weight=1)
        wrap_to_width(self.headline)
        self.headline.grid(row=0, column=0, columnspan=6, sticky="we", pady=(0, 8))
        for column, axis in enumerate(CHOSEN):
            ttk.Label(self, text=NAMES[axis]).grid(row=1, column=column, sticky="w")
            box = ttk.Combobox(self, textvariable=self.chosen[axis], state="readonly", width=16)
            box.grid(row=2, column=column, sticky="w", padx=(0, 12))
            box.bind("<<ComboboxSelected>>", lambda event: self._offer())
            self.boxes[axis] = box
        ttk.Label(self, text="Wheels from (empty: as usual)").grid(row=1, column=3, columnspan=3, sticky="w")
        index = ttk.Entry(self, textvariable=self.index, width=34)
        index.grid(row=2, column=3, columnspan=3, sticky="we")
        index.bind("<Return>", lambda event: self.look())
        index.bind("<FocusOut>", lambda event: self._look_elsewhere())
        older = ttk.Button(self, text="Import deepspeed_config.json …", underline=7, command=self.choose_older)
        older.grid(row=3, column=3, columnspan=3, sticky="e", pady=(10, 2))
        ttk.Label(self, text="What cannot be chosen with the rest, and why").grid(
            row=3, column=0, columnspan=3, sticky="w", pady=(10, 2)
        )
        self.reasons.grid(row=4, column=0, columnspan=6, sticky="nsew")
        self.options.grid(row=5, column=0, columnspan=6, sticky="we", pady=(10, 0))
        bar = ttk.Frame(self)
        bar.grid(row=6, column=0, columnspan=6, sticky="we", pady=(12, 0))
        for button in self.buttons.values():
            button.pack(in_=bar, side="left", padx=(0, 8))
            button.lift()
        if one_file():
            ttk.Label(self, text=NO_CLONE, style="Quiet.TLabel").grid(row=7, column=0, columnspan=6, sticky="w")

    def _buttons(self) -> Mapping[str, ttk.Button]:
        made = {
            "find": ttk.Button(self, text="Find", underline=0, command=self.find),
            "install": ttk.Button(
                self, text="Find and install", underline=9, command=self.install, style="Accent.TButton"
            ),
            "build": ttk.Button(self, text="Build", underline=0, command=self.build),
            "both": ttk.Button(self, text="Build and install", underline=6, command=self.build_and_install),
            "commands": ttk.Button(self, text="Show the commands", underline=0, command=self.show_commands),
            "file": ttk.Button(self, text="Install a built wheel …", underline=18, command=self.choose_wheel),
        }
        if one_file():
            for name in ("build", "both", "commands"):
                made[name].configure(state="disabled")
        return made

    def show(self, colours: Colours) -> None:
        """Take these colours."""
        self.reasons.show(colours)

    # ------------------------------------------------------------ what can be chosen

    def look(self) -> None:
        """Learn about the environment, and what exists for it."""
        self._looks, self._looked_at = self._looks + 1, self.index.get().strip()
        number = self._looks
        self.headline.configure(text="Looking …")
        words = ("find", *self.desk.environment_words(), *self._index_words())

        def show(document: dict[str, Any], said: str) -> None:
            if number == self._looks:
                self._show_environment(document, said)

        self.desk.ask(words, show)

    def _look_elsewhere(self) -> None:
        """Look again where the address was changed: what stands there is of the one before."""
        if self.index.get().strip() != self._looked_at:
            self.look()

    def _show_environment(self, document: dict[str, Any], said: str) -> None:
        environment = document.get("environment")
        if environment is None:
            self.headline.configure(text=said or "The environment could not be asked.")
            return
        torch = environment["torch"]
        told = f"torch {torch['version']}" if torch else "no torch"
        wheel = document.get("wheel")
        fits = f"{wheel['id']} fits." if wheel else (said.splitlines() or ["No wheel fits."])[0]
        self.headline.configure(text=f"Python {environment['version']} with {told}, {environment['platform']}: {fits}")
        here = (environment["version"], environment["platform"])
        self.desk.find_out(lambda: self._known(*here), lambda found: self._take(*found), self._fail)

    @staticmethod
    def _known(python: str, platform: str) -> tuple[Project, Plan]:
        project = open_project()
        return project, plan_for(project.matrix, project.facts, python, platform)

    def _take(self, project: Project, plan: Plan) -> None:
        self.project, self.plan = project, plan
        self._offer()

    def _fail(self, line: str) -> None:
        self.headline.configure(text=line)

    def _choice(self) -> dict[str, str]:
        return {axis: "" if value.get() == ANY else value.get() for axis, value in self.chosen.items()}

    def _offer(self) -> None:
        """List what can be had with the rest of the choice, and the reasons of what cannot."""
        if self.plan is None or self.project is None:
            return
        lines = []
        for axis in CHOSEN:
            found = possible(self.plan, axis, self._choice())
            self.boxes[axis].configure(values=(ANY, *found.values))
            lines += [f"{NAMES[axis]} {value}: {reason}" for value, reason in found.reasons.items()]
        target = self.target()
        self.reasons.write("\n".join(lines) or "Everything can be chosen.")
        self.options.offer(self.project.facts, target)

    def target(self) -> Target | None:
        """The newest target with what is chosen."""
        found = targets_of(self.plan, self._choice()) if self.plan else []
        return found[0] if found else None

    # ------------------------------------------------------------ what the buttons do

    def _index_words(self) -> tuple[str, ...]:
        index = self.index.get().strip()
        return ("--index", index) if index else ()

    def _wanted_words(self) -> tuple[str, ...]:
        deepspeed = self._choice()["deepspeed"]
        return ("--deepspeed", deepspeed) if deepspeed else ()

    def find(self) -> None:
        """Say which wheel fits."""
        words = ("find", *self.desk.environment_words(), *self._wanted_words(), *self._index_words())
        self.desk.begin(Work(title="Find", steps=(task_command(*words),)), lambda code: self._look_elsewhere())

    def install(self) -> None:
        """Install the published wheel that fits."""
        words = ("install", *self.desk.environment_words(), *self._wanted_words(), *self._index_words())
        self.desk.begin(Work(title="Find and install", steps=(task_command(*words),)), lambda code: self.look())

    def build_words(self) -> tuple[str, ...]:
        """The build of what is chosen: a target, or, with nothing chosen, this machine's own."""
        choice = self._choice()
        target = self.target() if any(choice.values()) else None
        return ("build", *(("--id", target.id) if target else ()), *self.options.words())

    def build(self) -> None:
        """Build, and file the wheel."""
        step = task_command(*self.build_words(), variables=self.desk.variables())
        self.desk.begin(Work(title="Build", steps=(step,)), lambda code: None)

    def show_commands(self) -> None:
        """Print what a build would run, and run nothing."""
        step = task_command(*self.build_words(), "--dry-run", variables=self.desk.variables())
        self.desk.begin(Work(title="Commands of the build", steps=(step,)), lambda code: None)

    def build_and_install(self) -> None:
        """Build, then install the wheel that was filed."""
        target = self.target()
        if target is None:
            self.headline.configure(text="Nothing can be built with this choice; the reasons are below.")
            return
        variables, words = self.desk.variables(), self.desk.environment_words()
        build = task_command("build", "--id", target.id, *self.options.words(), variables=variables)
        house = self.desk.dirs().wheelhouse

        def install() -> Command:
            return task_command("install", "--wheel", str(newest_wheel(target, house)), *words)

        self.desk.begin(Work(title="Build and install", steps=(build, install)), lambda code: self.look())

    def choose_wheel(self) -> None:
        """Ask for a wheel's file, and install it."""
        file = filedialog.askopenfilename(parent=self, title="A DeepSpeed wheel", filetypes=[("Wheels", "*.whl")])
        if file:
            self.install_file(Path(file))

    def install_file(self, wheel: Path) -> None:
        """Install this file."""
        words = ("install", "--wheel", str(wheel), *self.desk.environment_words())
        self.desk.begin(Work(title=f"Install {wheel.name}", steps=(task_command(*words),)), lambda code: self.look())

    # ------------------------------------------------------------ the older builder's file

    def choose_older(self) -> None:
        """Ask for the older builder's file."""
        file = filedialog.askopenfilename(parent=self, title="deepspeed_config.json", filetypes=[("JSON", "*.json")])
        if file:
            self.import_older(Path(file))

    def import_older(self, file: Path) -> None:
        """Check its versions, say of each what is known, and choose the newest that can be."""
        if project := self.project:
            self.desk.find_out(
                lambda: read_older_config(file, project.facts, project.matrix), self._show_older, self.reasons.write
            )

    def _show_older(self, rows: tuple[Checked, ...]) -> None:
        newest = next((row.deepspeed for row in rows if row.usable), None)
        if newest:
            self.chosen["deepspeed"].set(newest)
            self._offer()
        self.reasons.write(
            "\n".join(f"DeepSpeed {row.deepspeed}: {row.says}" for row in rows) or "It names no version."
        )
