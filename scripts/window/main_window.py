"""`MainWindow`: four panels above, what goes on below; everything by keyboard, too."""

from __future__ import annotations

import tkinter as tk
from tkinter import messagebox, ttk

from scripts.window.activity import Activity
from scripts.window.builds_panel import BuildsPanel
from scripts.window.colours import Shade
from scripts.window.desk import Desk
from scripts.window.guide_panel import GuidePanel
from scripts.window.keys import bind_letters
from scripts.window.machine_panel import MachinePanel
from scripts.window.theme import colour_styles, load_theme, show_shade
from scripts.window.wheel_panel import WheelPanel

TITLE = "DeepSpeed wheels"
SIZE, LEAST = (1100, 860), (900, 720)
KEYS = "Ctrl+1 to 4: panels · F5: look again · Ctrl+T: light or dark · Esc: cancel · Ctrl+Q: close"


class MainWindow:
    """The window and what it holds."""

    def __init__(self, root: tk.Tk, shade: Shade) -> None:
        self.root, self.shade = root, shade
        root.title(TITLE)
        self.scale = load_theme(root)
        root.geometry("x".join(str(round(each * self.scale)) for each in SIZE))
        root.minsize(*(round(each * self.scale) for each in LEAST))
        self.desk = Desk(root, self.scale)
        halves = ttk.PanedWindow(root, orient="vertical")
        keys = ttk.Label(root, text=KEYS, style="Quiet.TLabel", padding=(12, 0, 12, 6))
        keys.pack(side="bottom", anchor="w")  # first, so that it stays when the window is small
        halves.pack(fill="both", expand=True)
        self.panels = ttk.Notebook(halves)
        self.activity = Activity(halves, self.desk)
        halves.add(self.panels, weight=3)
        halves.add(self.activity, weight=1)
        self.wheel = WheelPanel(self.panels, self.desk)
        self.machine = MachinePanel(self.panels, self.desk, self.wheel.look)
        self.builds = BuildsPanel(self.panels, self.desk, self.wheel.install_file)
        self.guide = GuidePanel(self.panels, self.desk)
        for panel, title in self._titles().items():
            self.panels.add(panel, text=title)
        self._bind()
        self._show()

    def _titles(self) -> dict[ttk.Frame, str]:
        return {
            self.machine: "This machine",
            self.wheel: "Get a wheel",
            self.builds: "Past builds",
            self.guide: "CUDA_HOME guide",
        }

    def _bind(self) -> None:
        root = self.root
        for number, panel in enumerate(self._titles(), start=1):
            root.bind(f"<Control-Key-{number}>", lambda event, chosen=panel: self._choose(chosen))  # type: ignore[misc]  # a default keeps its value
        root.bind("<F5>", lambda event: self.look())
        root.bind("<Control-t>", lambda event: self.change_shade())
        root.bind("<Escape>", lambda event: self.activity.stop())
        root.bind("<Control-q>", lambda event: self.close())
        root.protocol("WM_DELETE_WINDOW", self.close)
        self.panels.enable_traversal()
        bind_letters(root)

    def _choose(self, panel: ttk.Frame) -> None:
        self.panels.select(panel)  # type: ignore[no-untyped-call]  # of typeshed
        first = panel.tk_focusNext()
        if first is not None:
            first.focus_set()

    def look(self) -> None:
        """Learn anew about the machine, the wheels and the builds."""
        self.machine.look()
        self.builds.look()
        self.guide.look()

    def change_shade(self) -> None:
        """Light instead of dark, or the other way round."""
        self.shade = "light" if self.shade == "dark" else "dark"
        self._show()

    def _show(self) -> None:
        show_shade(self.root, self.shade)
        colours = colour_styles(self.root, self.shade, self.scale)
        for panel in (self.machine, self.wheel, self.builds, self.guide, self.activity):
            panel.show(colours)

    def close(self) -> None:
        """Close the window; what goes on is ended first, in good order, once that is agreed to."""
        if self.activity.busy:
            question = "Something goes on. End it and close the window? What is finished is kept."
            if not messagebox.askokcancel("Close", question, parent=self.root):
                return
            self.activity.end()
        self.root.destroy()
