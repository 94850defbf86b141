"""The whole fast suite, run by real Windows Pythons."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.wine.lab import SDISTS, Ended, Windows, copy_checkout

pytestmark = pytest.mark.wine
FAST = "not real_build and not network and not wine and not browser"
MOST_SKIPPED = 0.05  # of all tests: what is truly of another system


def count(ended: Ended, word: str) -> int:
    """The number before `word` in pytest's last line."""
    found = re.search(rf"(\d+) {word}", ended.output.splitlines()[-1])
    return int(found[1]) if found else 0


@pytest.mark.parametrize("version", list(SDISTS))
def test_the_fast_suite_passes_under_windows_python(windows: Windows, version: str) -> None:
    checkout = copy_checkout(windows, f"suite-{version}")
    argv: list[str | Path] = [windows.python(version), "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", FAST]
    ended = windows.run(argv, cwd=checkout, seconds=900)
    ended.require()
    assert count(ended, "passed") > 500
    assert count(ended, "skipped") < MOST_SKIPPED * count(ended, "passed")
