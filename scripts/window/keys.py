"""Alt and the underlined letter presses a button, as elsewhere; Tk underlines the letter and does no more."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Iterator
from tkinter import ttk


def bind_letters(root: tk.Tk) -> None:
    """Make the letters work, in the panel that is seen and below it."""
    root.bind("<Alt-Key>", lambda event: _press(root, event.keysym.lower()))


def _press(root: tk.Tk, letter: str) -> None:
    for button in seen_buttons(root):
        if letter_of(button) == letter and not button.instate(["disabled"]):
            button.focus_set()
            button.invoke()
            return


def seen_buttons(parent: tk.Misc) -> Iterator[ttk.Button]:
    """Every button that is on the screen now."""
    for widget in parent.winfo_children():
        if isinstance(widget, ttk.Button) and widget.winfo_viewable():
            yield widget
        yield from seen_buttons(widget)


def letter_of(button: ttk.Button) -> str:
    """The underlined letter; empty without one."""
    place = int(str(button.cget("underline")))
    return str(button.cget("text"))[place].lower() if place >= 0 else ""
