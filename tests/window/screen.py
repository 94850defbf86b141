"""A screen that nobody sees: Xvfb on a display of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

SIZE = "1280x1000x24"


def why_no_screen() -> str:
    """What is missing to open a window here; empty where one can be."""
    if find_spec("_tkinter") is None:
        return "this Python has no tkinter (apt-get install python3-tk)"
    return "" if shutil.which("Xvfb") else "Xvfb is not here (apt-get install xvfb)"


@contextmanager
def screen(size: str = SIZE, dpi: int = 96) -> Iterator[str]:
    """The display's name, such as `:99`."""
    reading, writing = os.pipe()
    argv = ["Xvfb", "-displayfd", str(writing), "-screen", "0", size, "-dpi", str(dpi), "-nolisten", "tcp"]
    server = subprocess.Popen(argv, pass_fds=[writing], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(writing)
    try:
        with os.fdopen(reading) as told:
            yield f":{told.readline().strip()}"
    finally:
        server.terminate()
        server.wait()
