"""Opens the window of this checkout on the display of the environment, and prints as JSON what its panels look like.

`python look.py PICTURES SHADE SIZE`: a folder for a picture of each panel, light or dark, and usual or least.
"""

from __future__ import annotations

import json
import sys
import time
import tkinter as tk
from collections.abc import Iterator
from pathlib import Path
from tkinter import font, ttk
from typing import Any

from PIL import ImageGrab

from scripts.window.keys import letter_of, seen_buttons
from scripts.window.main_window import LEAST, MainWindow

REACHED = ("TButton", "TEntry", "TCombobox", "TSpinbox", "TCheckbutton", "TMenubutton", "Treeview", "Text")
WHOLE = ("TButton", "TCheckbutton", "TMenubutton", "TLabel")  # what says something, and must not be cut
NAMES = ("machine", "wheel", "builds", "guide")


def seen(parent: tk.Misc) -> Iterator[tk.Misc]:
    """Every widget on the screen."""
    for widget in parent.winfo_children():
        if widget.winfo_viewable():
            yield widget
        yield from seen(widget)


def told(widget: tk.Misc) -> str:
    return f"{widget.winfo_class()} {widget.cget('text') if widget.winfo_class() in WHOLE else widget}"


def can_be_used(widget: tk.Misc) -> bool:
    return not (isinstance(widget, ttk.Widget) and widget.instate(["disabled"]))


def reached_by_tab(root: tk.Tk) -> set[str]:
    """The names of all widgets that Tab leads to."""
    found: list[str] = []
    widget: tk.Misc | None = root.focus_get() or root
    while widget is not None and str(widget) not in found:
        found.append(str(widget))
        widget.focus_force()
        root.update()
        before = widget
        widget.event_generate("<Tab>")
        root.update()
        widget = root.focus_get()
        if widget is before:
            break
    return set(found)


def cut(root: tk.Tk) -> Iterator[str]:
    """What is not wholly on the window."""
    for widget in seen(root):
        if widget.winfo_class() not in WHOLE or not widget.cget("text"):
            continue
        right = widget.winfo_rootx() - root.winfo_rootx() + widget.winfo_width()
        bottom = widget.winfo_rooty() - root.winfo_rooty() + widget.winfo_height()
        if widget.winfo_reqwidth() > widget.winfo_width() + 1 or widget.winfo_reqheight() > widget.winfo_height() + 1:
            yield f"{told(widget)}: {widget.winfo_width()} of {widget.winfo_reqwidth()} wide"
        if right > root.winfo_width() or bottom > root.winfo_height():
            yield f"{told(widget)}: over the edge"


def tick(root: tk.Tk, shade: str) -> int:
    """How many dots high the picture of a tick is; 0 when nothing is drawn at its lower end."""
    picture = root.tk.call("set", f"ttk::theme::sv_{shade}::I(check-rest)")
    height = int(root.tk.call("image", "height", picture))
    drawn = any(not root.tk.call(picture, "transparency", "get", column, height - 2) for column in range(height))
    return height if drawn else 0


def main(pictures: str, shade: str, size: str) -> None:
    window = MainWindow(tk.Tk(), "dark" if shade == "dark" else "light")
    root = window.root
    if size == "least":
        root.geometry("x".join(str(window.desk.dots(each)) for each in LEAST))
    seen_there: dict[str, Any] = {"scale": window.scale, "body": font.nametofont("SunValleyBodyFont").actual("size")}
    seen_there["room"] = ttk.Checkbutton(root).winfo_reqwidth()
    seen_there["ticks"] = [tick(root, each) for each in ("light", "dark")]
    for number, name in enumerate(NAMES, start=1):
        root.focus_force()
        root.event_generate(f"<Control-Key-{number}>")
        for _ in range(5):
            root.update()
            time.sleep(0.04)
        usable = [widget for widget in seen(root) if widget.winfo_class() in REACHED and can_be_used(widget)]
        reached = reached_by_tab(root)
        seen_there[name] = {
            "unreached": [told(widget) for widget in usable if str(widget) not in reached],
            "cut": list(cut(root)),
            "letters": [letter for button in seen_buttons(root) if (letter := letter_of(button))],
        }
        left, top = root.winfo_rootx(), root.winfo_rooty()
        box = (left, top, left + root.winfo_width(), top + root.winfo_height())
        picture = ImageGrab.grab(bbox=box, xdisplay=root.winfo_screen().partition(".")[0])
        picture.save(Path(pictures) / f"{name}-{shade}-{size}.png")
    print(json.dumps(seen_there))  # noqa: T201  the answer


if __name__ == "__main__":
    main(*sys.argv[1:])
