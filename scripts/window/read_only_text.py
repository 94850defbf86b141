"""`ReadOnlyText`: text to be read, reached and scrolled by keyboard as all else, in the window's colours."""

from __future__ import annotations

import tkinter as tk
from typing import Literal

from scripts.window.colours import Colours


class ReadOnlyText(tk.Text):
    """A text that nobody types into. Tk passes over one that is disabled; this one asks for the focus."""

    def __init__(self, parent: tk.Misc, *, height: int, wrap: Literal["none", "char", "word"], font: str) -> None:
        super().__init__(
            parent,
            height=height,
            wrap=wrap,
            font=font,
            state="disabled",
            relief="flat",
            padx=8,
            pady=4,
            highlightthickness=1,
            takefocus=True,
        )
        self.bind("<Tab>", lambda event: self._leave(self.tk_focusNext()))  # it leads on, not into the text
        self.bind("<Shift-Tab>", lambda event: self._leave(self.tk_focusPrev()))

    @staticmethod
    def _leave(other: tk.Misc | None) -> str:
        if other is not None:
            other.focus_set()
        return "break"

    def show(self, colours: Colours) -> None:
        """Take these colours; the edge shows where the focus is."""
        self.configure(
            background=colours.log,
            foreground=colours.text,
            insertbackground=colours.text,
            selectbackground=colours.selected,
            selectforeground=colours.on_selected,
            highlightbackground=colours.quiet,
            highlightcolor=colours.selected,
        )

    @property
    def whole(self) -> str:
        """All of it."""
        return self.get("1.0", "end-1c")

    def write(self, text: str, *, to_end: bool = False) -> None:
        """Have this text and no other; `to_end`: what is said last is what is seen."""
        self.configure(state="normal")
        self.delete("1.0", "end")
        self.insert("1.0", text)
        self.configure(state="disabled")
        if to_end:
            self.see("end")

    def add(self, line: str, most: int) -> None:
        """One line more, and the oldest tenth less when there are more than `most`; whoever reads above stays there."""
        at_end = self.yview()[1] >= 0.999
        self.configure(state="normal")
        self.insert("end", line + "\n")
        if float(self.index("end")) > most:
            self.delete("1.0", f"{most // 10}.0")
        self.configure(state="disabled")
        if at_end:
            self.see("end")
