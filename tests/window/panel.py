"""Uses the second panel by itself on the display of the environment, and prints as JSON what came of it.

Its questions wait until they are answered here. A process of its own: Tk ends it when the display goes.
"""

from __future__ import annotations

import json
import tkinter as tk
from collections.abc import Callable, Mapping
from typing import Any

from scripts.window.desk import Desk
from scripts.window.theme import load_theme
from scripts.window.wheel_panel import WheelPanel

NO_INDEX = "error[not-an-index]: http://wrong.example/ is not an index"
FITS = {"environment": {"version": "3.11", "platform": "win_amd64", "torch": None}, "wheel": {"id": "ds1"}}
Then = Callable[[dict[str, Any], str], None]


class Asked(Desk):
    """A desk whose questions wait."""

    def __init__(self, root: tk.Tk) -> None:
        super().__init__(root, 1.0)
        self.waiting: list[tuple[tuple[str, ...], Then]] = []

    def ask(self, words: tuple[str, ...], then: Then, variables: Mapping[str, str] | None = None) -> None:
        self.waiting.append((words, then))

    def find_out(self, question: object, then: object, failed: object) -> None:
        """Nothing: the plan is no part of this."""


def headlines(panel: WheelPanel, desk: Asked) -> list[str]:
    """What stands above after a wrong address, its correction, a late answer and the right one."""
    seen = []

    def answer(number: int, document: dict[str, Any], said: str) -> None:
        desk.waiting[number][1](document, said)
        seen.append(panel.headline.cget("text"))

    panel.index.set("http://wrong.example/")
    panel.look()
    answer(0, {}, NO_INDEX)
    panel.index.set("http://right.example/")
    panel._look_elsewhere()
    seen.append(panel.headline.cget("text"))
    answer(0, {}, NO_INDEX)
    answer(1, FITS, "")
    panel._look_elsewhere()
    return seen


def words(panel: WheelPanel) -> tuple[str, ...]:
    """What a build is told."""
    panel.options.headers.set("small")
    panel.options.source.set("tag")
    return panel.options.words()


def main() -> None:
    root = tk.Tk()
    load_theme(root)
    desk = Asked(root)
    panel = WheelPanel(root, desk)
    found = {
        "headlines": headlines(panel, desk),
        "asked": [asked[-1] for asked, _ in desk.waiting],
        "words": words(panel),
    }
    print(json.dumps(found))  # noqa: T201  the answer


if __name__ == "__main__":
    main()
