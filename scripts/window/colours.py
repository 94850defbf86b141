"""The window's colours, light and dark; each pair that is read together passes WCAG AA (tests/window compares them)."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from scripts.command import ask

Shade = Literal["light", "dark"]
GNOME = ("gsettings", "get", "org.gnome.desktop.interface", "color-scheme")
DESKTOP = {"darwin": ("defaults", "read", "-g", "AppleInterfaceStyle")}  # others than GNOME, by sys.platform
READABLE = 4.5  # WCAG 2.2, 1.4.3: text on its background


@dataclass(frozen=True, kw_only=True)
class Colours:
    """What we colour ourselves; the theme (sv-ttk) has the rest. `background` and `text` are the theme's own."""

    background: str
    text: str
    quiet: str
    disabled: str
    log: str  # behind the log
    good: str
    bad: str
    unsure: str
    selected: str  # behind a selected row, and the text on it
    on_selected: str

    @property
    def states(self) -> Mapping[str, str]:
        """The colour of a word that says how something is; never the only sign of it."""
        return {"ok": self.good, "wrong": self.bad, "missing": self.bad, "unknown": self.unsure}


SHADES: Mapping[Shade, Colours] = {
    "light": Colours(
        background="#fafafa",
        text="#1c1c1c",
        quiet="#5c5c5c",
        disabled="#767676",
        log="#ffffff",
        good="#0a6b4b",
        bad="#a8201a",
        unsure="#7a5200",
        selected="#2f60d8",
        on_selected="#ffffff",
    ),
    "dark": Colours(
        background="#1c1c1c",
        text="#fafafa",
        quiet="#b4b4b4",
        disabled="#8a8a8a",
        log="#141414",
        good="#52c79a",
        bad="#ff8a80",
        unsure="#f0c060",
        selected="#2f60d8",
        on_selected="#ffffff",
    ),
}


def contrast(one: str, other: str) -> float:
    """The contrast of two colours, from 1 to 21, as WCAG counts it."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


if sys.platform == "win32":

    def preferred_shade() -> Shade:
        """What the person's desktop prefers, as far as it says so."""
        import winreg

        key = r"Software\Microsoft\Windows\CurrentVersion\Themes\Personalize"
        try:
            with winreg.OpenKey(winreg.HKEY_CURRENT_USER, key) as opened:
                return "light" if winreg.QueryValueEx(opened, "AppsUseLightTheme")[0] else "dark"
        except OSError:
            return "light"

else:

    def preferred_shade() -> Shade:
        """What the person's desktop prefers, as far as it says so."""
        told = os.environ.get("GTK_THEME") or ask(DESKTOP.get(sys.platform, GNOME), seconds=2.0).output
        return "dark" if "dark" in told.lower() else "light"
