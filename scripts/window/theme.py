"""How the window looks: the theme sv-ttk, light or dark, sharp at any size of the screen's dots."""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
import tkinter as tk
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from tkinter import font, ttk

import sv_ttk

from scripts.carried import carried_tree
from scripts.window.colours import SHADES, Colours, Shade

USUAL_DPI = 96.0
FONTS = ("Caption", "Body", "BodyStrong", "BodyLarge", "Subtitle", "Title", "TitleLarge", "Display")  # of the theme
LINUX_FONT = "DejaVu Sans"
MARKS = ("check-", "radio-", "up", "down")  # the theme's pictures that stand beside text
ROOM = re.compile(r"(-width |-height )(10|16|26|34)\b")  # that the theme gives them, in dots of a usual screen
STEPS = 4  # screens are scaled by quarters


def use_real_dots() -> None:
    """Have Windows scale nothing: what it scales by itself is blurred. Before the first window."""
    if sys.platform == "win32":
        import ctypes

        with suppress(AttributeError, OSError):  # Windows 8.1 and newer
            ctypes.windll.shcore.SetProcessDpiAwareness(1)


def load_theme(root: tk.Tk) -> float:
    """Load the theme's pictures and set its fonts to the screen; how many times larger than usual its dots are.

    Tk reads no zip: of the one file the theme is unpacked first, and read as a whole before that is gone.
    """
    scale = max(1.0, root.winfo_fpixels("1i") / USUAL_DPI)
    root.tk.call("tk", "scaling", root.winfo_fpixels("1i") / 72.0)
    size = Fraction(scale).limit_denominator(STEPS)
    with carried_tree(Path(sv_ttk.__file__).parent) as folder, _with_room(folder, size) as roomy:
        sv_ttk.TCL_THEME_FILE_PATH = roomy / "sv.tcl"
        sv_ttk.set_theme("light", root)
        sv_ttk.set_theme("dark", root)
    # It would colour all anew whenever a style changes, ours among them, and that without end.
    root.tk.call("bind", root.winfo_class(), "<<ThemeChanged>>", "")
    _scale_fonts(root, scale)
    for shade in SHADES:
        _scale_marks(root, shade, size)
    return scale


@contextmanager
def _with_room(folder: Path, size: Fraction) -> Iterator[Path]:
    """The theme with as much room for its ticks and arrows as this screen's dots ask for: it clips what is larger."""
    if size <= 1:
        yield folder
        return
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        roomy = shutil.copytree(folder, Path(place) / folder.name, ignore=shutil.ignore_patterns("*.py*"))
        for file in (roomy / "theme").glob("*.tcl"):
            text = file.read_text(encoding="utf-8")
            file.write_text(ROOM.sub(lambda found: f"{found[1]}{round(int(found[2]) * size)}", text), encoding="utf-8")
        yield roomy


def _scale_marks(root: tk.Tk, shade: Shade, size: Fraction) -> None:
    """Enlarge the theme's pictures of ticks and arrows, which have as many dots on every screen, while text grows."""
    pictures = f"ttk::theme::sv_{shade}::I"
    for name in root.tk.splitlist(root.tk.call("array", "names", pictures)) if size > 1 else ():
        if not name.startswith(MARKS):
            continue
        picture = root.tk.call("set", f"{pictures}({name})")
        usual = root.tk.call("image", "create", "photo")
        root.tk.call(usual, "copy", picture)
        root.tk.call(picture, "configure", "-width", 0, "-height", 0)
        root.tk.call(picture, "blank")
        larger = ("-zoom", size.numerator, "-subsample", size.denominator)
        root.tk.call(picture, "copy", usual, *larger, "-shrink")
        root.tk.call("image", "delete", usual)


def _scale_fonts(root: tk.Tk, scale: float) -> None:
    families = set(font.families(root))
    for name in FONTS:
        named = font.nametofont(f"SunValley{name}Font", root)
        named.configure(size=round(named.cget("size") * scale))
        if named.cget("family") not in families:
            strong = name in ("BodyStrong", "Subtitle", "Title", "TitleLarge", "Display")
            family = "Segoe UI" if "Segoe UI" in families else LINUX_FONT
            named.configure(family=family, weight="bold" if strong else "normal")


def wrap_to_width(label: ttk.Label) -> None:
    """Break the label's text where the label ends, however wide the window is."""
    label.bind("<Configure>", lambda event: label.configure(wraplength=event.width))


def show_shade(root: tk.Tk, shade: Shade) -> None:
    """Make the window light or dark; what the theme would do for that colours each label by itself, over our styles."""
    colours, style = SHADES[shade], ttk.Style(root)
    sv_ttk.set_theme(shade, root)
    style.configure(
        ".",
        background=colours.background,
        foreground=colours.text,
        troughcolor=colours.background,
        focuscolor=colours.selected,
        selectbackground=colours.selected,
        selectforeground=colours.on_selected,
        insertcolor=colours.text,
        insertwidth=1,
        fieldbackground=colours.background,
        font="SunValleyBodyFont",
        borderwidth=0,
        relief="flat",
    )
    style.map(".", foreground=[("disabled", colours.disabled)])
    root.configure(background=colours.background)
    for name, value in _of_a_list(colours).items():
        root.option_add(f"*TCombobox*Listbox.{name}", value)
    _colour_lists(root, colours)


def _of_a_list(colours: Colours) -> dict[str, str]:
    return {
        "background": colours.log,
        "foreground": colours.text,
        "selectBackground": colours.selected,
        "selectForeground": colours.on_selected,
        "font": "SunValleyBodyFont",
    }


def _colour_lists(parent: tk.Misc, colours: Colours) -> None:
    """The lists that boxes have opened, and menus, which no style reaches."""
    for widget in parent.winfo_children():
        if isinstance(widget, ttk.Combobox):
            opened = f"{widget}.popdown.f.l"
            if int(widget.tk.call("winfo", "exists", opened)):
                words = [word for name, value in _of_a_list(colours).items() for word in (f"-{name.lower()}", value)]
                widget.tk.call(opened, "configure", *words)
        elif isinstance(widget, tk.Menu):
            widget.configure(
                background=colours.log,
                foreground=colours.text,
                activebackground=colours.selected,
                activeforeground=colours.on_selected,
                disabledforeground=colours.disabled,
                selectcolor=colours.text,
                font="SunValleyBodyFont",
            )
        _colour_lists(widget, colours)


def colour_styles(root: tk.Tk, shade: Shade, scale: float) -> Colours:
    """Our own styles in the colours of the shade; the colours for what has no style."""
    colours = SHADES[shade]
    style = ttk.Style(root)
    style.configure("Treeview", rowheight=round(28 * scale), font="SunValleyBodyFont")
    style.configure("Treeview.Heading", font="SunValleyBodyStrongFont")
    style.configure("Quiet.TLabel", foreground=colours.quiet)
    style.configure("Strong.TLabel", font="SunValleyBodyStrongFont")
    style.configure("Head.TLabel", font="SunValleySubtitleFont")
    for state in ("good", "bad", "unsure"):
        style.configure(f"{state.title()}.TLabel", foreground=getattr(colours, state))
    style.map("Treeview", foreground=[("selected", colours.on_selected)], background=[("selected", colours.selected)])
    return colours
