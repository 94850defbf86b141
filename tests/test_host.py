"""Which Python is found for a target."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from scripts import host


@pytest.fixture(autouse=True)
def forget() -> None:
    host.find_interpreter.cache_clear()


def test_the_python_that_runs_is_the_first_choice() -> None:
    assert host.find_interpreter(host.this_python()) == sys.executable


def test_a_hosted_runners_newest_patch_release_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "python.exe" if sys.platform == "win32" else "bin/python3.8"
    for release in ("3.8.9", "3.8.18", "3.80.1"):
        python = tmp_path / "Python" / release / "x64" / name
        python.parent.mkdir(parents=True)
        python.touch()
    monkeypatch.setenv("RUNNER_TOOL_CACHE", str(tmp_path))
    monkeypatch.setenv("PATH", "")
    assert host.find_interpreter("3.8") == str(tmp_path / "Python" / "3.8.18" / "x64" / Path(name))
