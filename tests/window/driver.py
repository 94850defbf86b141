"""Drives the window of the checkout that it runs in, as a person does, and prints what came of each step as JSON.

`python driver.py PICTURES ENVIRONMENT HANG`: a folder for pictures of the screen, the environment to install into, and
a file whose presence keeps the compiler of the small build from ending.
"""

from __future__ import annotations

import json
import sys
import time
import tkinter as tk
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tkinter import messagebox
from typing import Any

from PIL import ImageGrab

from scripts.window.keys import letter_of, seen_buttons
from scripts.window.main_window import MainWindow

PATIENCE = 240.0


class Person:
    """Somebody at the keyboard."""

    def __init__(self, window: MainWindow, pictures: Path) -> None:
        self.window, self.pictures = window, pictures
        self.seen: dict[str, Any] = {}

    def wait(self, until: Callable[[], bool], what: str) -> None:
        begun = time.monotonic()
        while not until():
            self.window.root.update()
            time.sleep(0.02)
            if time.monotonic() - begun > PATIENCE:
                self.picture("stuck")
                raise SystemExit(f"{what} takes longer than {PATIENCE} s; the log:\n{self.log()}")
        self.window.root.update()

    def picture(self, name: str) -> None:
        for _ in range(3):
            self.window.root.update()
            time.sleep(0.1)
        left, top = self.window.root.winfo_rootx(), self.window.root.winfo_rooty()
        box = (left, top, left + self.window.root.winfo_width(), top + self.window.root.winfo_height())
        ImageGrab.grab(bbox=box, xdisplay=self.window.root.winfo_screen().partition(".")[0]).save(
            self.pictures / f"{name}.png"
        )

    def press(self, keys: str) -> None:
        self.window.root.event_generate(keys)
        with suppress(tk.TclError):  # the keys may have closed the window
            self.window.root.update()

    def log(self) -> str:
        return self.window.activity.log.get("1.0", "end-1c")

    def told(self) -> str:
        return str(self.window.activity.told.cget("text"))

    def done(self) -> None:
        self.wait(lambda: not self.window.activity.busy, self.told())

    def keep(self, name: str) -> None:
        self.picture(name)
        self.seen[name] = {"told": self.told(), "log": self.log()[-3000:]}


def drive(person: Person, environment: str, hang: Path) -> None:
    window = person.window
    person.wait(lambda: window.machine.summary.cget("text") != "Looking …", "the doctor")
    person.wait(lambda: window.wheel.plan is not None, "the plan")
    person.picture("machine")
    person.seen["findings"] = {id: row["state"] for id, row in window.machine.findings.items()}

    person.press("<Control-Key-2>")
    for axis, value in {"deepspeed": "0.19.8", "torch": "2.13", "cuda": "cpu"}.items():
        window.wheel.chosen[axis].set(value)
        window.wheel.boxes[axis].event_generate("<<ComboboxSelected>>")
    for op in ("fused_adam", "cpu_adam", "cpu_lion"):
        window.wheel.options.ops[op].set(True)
    window.wheel.options.levels.current(tuple(window.wheel.options.levels["values"]).index("file"))
    window.wheel.options.source.set("sdist")
    window.wheel.options.jobs.set("2")
    window.wheel.options._tell()
    person.picture("choice")
    person.seen["words"] = window.wheel.build_words()
    person.seen["letters"] = [letter_of(button) for button in seen_buttons(window.root)]

    window.wheel.index.set("/no/such/site")
    person.press("<Alt-i>")
    person.done()
    person.keep("failure")

    hang.touch()
    window.wheel.buttons["build"].invoke()
    person.wait(lambda: "compiling" in person.log(), "the build")
    person.picture("building")
    person.press("<Escape>")
    person.done()
    hang.unlink()
    person.keep("cancelled")

    window.activity.retry.invoke()
    person.done()
    person.keep("retried")

    window.desk.python.set(environment)
    window.wheel.buttons["both"].invoke()
    person.done()
    person.keep("installed")

    person.press("<Control-Key-3>")
    window.builds.look()
    person.wait(lambda: bool(window.builds.results), "the results")
    person.press("<Control-t>")
    person.picture("builds-dark")
    person.seen["builds"] = [(row["target"], row["state"]) for row in window.builds.results.values()]
    person.press("<Control-Key-4>")
    person.wait(lambda: "CUDA_HOME" in window.guide.text.get("1.0", "end"), "the guide")
    person.picture("guide-dark")

    hang.touch()
    window.wheel.options.switches["cache"].set(False)
    window.wheel.options.ops["cpu_adam"].set(False)
    window.wheel.build()
    person.wait(lambda: "compiling" in person.log(), "another build")
    messagebox.askokcancel = lambda *words, **options: True  # the person agrees
    person.press("<Control-q>")


def main(pictures: str, environment: str, hang: str) -> None:
    window = MainWindow(tk.Tk(), "light")
    window.look()
    person = Person(window, Path(pictures))
    drive(person, environment, Path(hang))
    print(json.dumps(person.seen))  # noqa: T201  the answer


if __name__ == "__main__":
    main(*sys.argv[1:])
