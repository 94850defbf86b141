"""What each check of a wheel's file says when it passes, in a line: its function's docstring."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from scripts.facts.load import load_facts
from scripts.verify.promises import Promises
from scripts.verify.recorded import Recorded
from scripts.verify.static import questions
from scripts.versions import SYSTEMS
from scripts.wheel.content import open_wheel

ZEROS = "0" * 64


def explained_checks() -> Mapping[str, str]:
    """By name of every check that some wheel is asked, in their order, what holds when it passes."""
    found: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="explained-", ignore_cleanup_errors=True) as folder:
        for platform in SYSTEMS:
            wheel = Path(folder) / f"deepspeed-0.0.0-cp311-cp311-{platform}.whl"
            with zipfile.ZipFile(wheel, "w"):
                pass
            with open_wheel(wheel) as content:
                asked = questions(Recorded(content=content), Promises(sha256=ZEROS), ZEROS, load_facts())
                found |= {name: explained(ask) for name, ask in asked}
    return found


def explained(ask: Callable[..., object]) -> str:
    """What the question says of itself, in one line; of one that is asked through another, its own."""
    function = ask
    while isinstance(function, partial):
        function = function.args[0] if function.func.__name__.startswith("_") else function.func
    return " ".join((function.__doc__ or "").split())
