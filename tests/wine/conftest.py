"""The lab, made once a session; without Wine and mingw its tests are skipped."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from filelock import FileLock

from tests.wine.lab import Windows, default_folder, missing_programs, open_lab


@pytest.fixture(scope="session")
def windows() -> Iterator[Windows]:
    """The lab, for this session alone: a hang of one ends every program of the prefix."""
    if missing := missing_programs():
        pytest.skip(f"{', '.join(missing)} not found; apt-get install wine wine64 gcc-mingw-w64-x86-64-win32 g++")
    default_folder().mkdir(parents=True, exist_ok=True)
    with FileLock(default_folder() / "used.lock"):
        lab = open_lab()
        lab.start()
        yield lab
        lab.stop()
