"""Which tests `invoke test` runs, in how many processes, and how much of the code they must see."""

from __future__ import annotations

import os

SLOW = ("real_build", "wine", "act", "portability")  # marks of tests that take minutes
WAITING = 2  # processes beyond the processors: builds, Wine and act mostly wait


def lines_to_run(*, fast: bool, nightly: bool, only: str, match: str) -> tuple[tuple[str, ...], ...]:
    """The modules to run with their arguments, one after the other; with every test, what they see is measured."""
    run = ("pytest", *pytest_words(fast=fast, nightly=nightly, only=only, match=match))
    if not nightly or fast or only or match:
        return (run,)
    return ("coverage", "erase"), ("coverage", "run", "-m", *run), ("coverage", "combine", "-q"), ("coverage", "report")


def pytest_words(*, fast: bool, nightly: bool, only: str, match: str) -> tuple[str, ...]:
    """The arguments of pytest; tests that need one thing after the other share a process (tests/conftest.py)."""
    marks = [only, *(f"not {mark}" for mark in SLOW if fast), "" if nightly else "not nightly"]
    expression = " and ".join(mark for mark in marks if mark)
    processes = 0 if only or match else (os.cpu_count() or 1) + (0 if fast else WAITING)
    chosen = (("-m", expression), ("-k", match), ("-n", str(processes) if processes else ""))
    return tuple(word for option, value in chosen if value for word in (option, value))
