"""How CUDA_HOME is set: the doctor's guide for the shells of this system, to be copied."""

from __future__ import annotations

import os
import sys
import tkinter as tk
from tkinter import filedialog, ttk

from scripts.facts.load import load_facts
from scripts.window.colours import Colours
from scripts.window.desk import Desk
from scripts.window.read_only_text import ReadOnlyText
from scripts.window.theme import wrap_to_width

WHY = (
    "DeepSpeed 0.19.4 and older ask CUDA_HOME for nvcc whenever they are imported; compiling asks it, too. It names the"
    " folder above bin, and its version should be the one of torch's CUDA."
)


class GuidePanel(ttk.Frame):
    """The last panel."""

    def __init__(self, parent: tk.Misc, desk: Desk) -> None:
        super().__init__(parent, padding=12)
        self.desk = desk
        self.root_folder = tk.StringVar(self, os.environ.get("CUDA_HOME") or os.environ.get("CUDA_PATH") or "")
        self.text = ReadOnlyText(self, height=12, wrap="none", font="TkFixedFont")
        self._lay_out()

    def _lay_out(self) -> None:
        self.columnconfigure(1, weight=1)
        self.rowconfigure(2, weight=1)
        why = ttk.Label(self, text=WHY, justify="left")
        wrap_to_width(why)
        why.grid(row=0, column=0, columnspan=4, sticky="we")
        ttk.Label(self, text="CUDA toolkit").grid(row=1, column=0, sticky="w", pady=8, padx=(0, 8))
        entry = ttk.Entry(self, textvariable=self.root_folder)
        entry.grid(row=1, column=1, sticky="we")
        entry.bind("<KeyRelease>", lambda event: self.look())
        ttk.Button(self, text="Browse …", underline=0, command=self.browse).grid(row=1, column=2, padx=8)
        ttk.Button(self, text="Copy", underline=2, command=self.copy).grid(row=1, column=3)
        self.text.grid(row=2, column=0, columnspan=4, sticky="nsew")

    def show(self, colours: Colours) -> None:
        """Take these colours."""
        self.text.show(colours)

    def look(self) -> None:
        """Write the guide for the folder that is named."""
        folder = self.root_folder.get().strip()  # here: a thread may ask Tk nothing
        self.desk.find_out(lambda: self._guide(folder), self.text.write, self.text.write)

    @staticmethod
    def _guide(folder: str) -> str:
        from scripts.doctor.cuda_home import guide_lines

        system = "windows" if sys.platform == "win32" else "linux"
        return "\n".join(guide_lines(load_facts().guides, system, os.environ, folder))

    def browse(self) -> None:
        """Choose the toolkit's folder."""
        folder = filedialog.askdirectory(parent=self, title="The folder of a CUDA toolkit")
        if folder:
            self.root_folder.set(folder)
            self.look()

    def copy(self) -> None:
        """Put the guide on the clipboard."""
        self.clipboard_clear()
        self.clipboard_append(self.text.whole)
