"""A Windows Python is started by Wine elsewhere, and its names for files are translated both ways."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from scripts.errors import InputError
from scripts.facts.load import load_facts
from scripts.verify.given_python import find_python, installed_verdict, libraries_of
from scripts.verify.interpreter import interpreter_at
from scripts.verify.suite_runs import RUNNER, suite_command
from tests.verify.stub_wheel import make_wheel

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows starts its Pythons itself")
WINE = '#!/bin/sh\nshift\necho "$WINEPREFIX $WINEDEBUG" >> "{log}"\nexec "{python}" "$@"\n'


@pytest.fixture
def windows_python(tmp_path: Path) -> Path:
    """A python.exe in a Wine prefix that has the usual two drives."""
    prefix = tmp_path / "prefix"
    python = prefix / "drive_c" / "venv" / "Scripts" / "python.exe"
    python.parent.mkdir(parents=True)
    python.write_bytes(b"MZ")
    (prefix / "dosdevices").mkdir()
    (prefix / "dosdevices" / "c:").symlink_to("../drive_c")
    (prefix / "dosdevices" / "z:").symlink_to("/")
    return python


@pytest.fixture
def wine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """A wine that starts this Python instead; what it was told about its prefix."""
    log, program = tmp_path / "wine.log", tmp_path / "bin" / "wine"
    program.parent.mkdir()
    program.write_text(WINE.format(log=log, python=sys.executable))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    monkeypatch.delenv("WINEDEBUG", raising=False)
    return lambda: log.read_text().splitlines()


def test_files_of_a_drive_have_the_shortest_name_and_are_found_by_it(windows_python: Path, tmp_path: Path) -> None:
    python = interpreter_at(windows_python)
    inside, outside = tmp_path / "prefix" / "drive_c" / "a b" / "c.txt", tmp_path / "orders.json"
    assert python.told(inside) == r"C:\a b\c.txt"
    assert python.told(outside) == "Z:" + str(outside).replace("/", "\\")
    assert (python.here(r"c:\a b\c.txt"), python.here(python.told(outside))) == (inside, outside)


def test_a_python_of_this_system_is_called_as_it_is(tmp_path: Path) -> None:
    python = interpreter_at(tmp_path / "bin" / "python")
    assert python.argv("-c", tmp_path) == (str(tmp_path / "bin" / "python"), "-c", str(tmp_path))
    assert (python.variables, python.patience, python.here("/x")) == ({}, 1.0, Path("/x"))


def test_wine_is_told_the_prefix_in_which_the_python_lies(
    windows_python: Path, wine: Callable[[], list[str]], tmp_path: Path
) -> None:
    assert find_python(str(windows_python.parent.parent)) == windows_python
    assert wine() == [f"{tmp_path / 'prefix'} {load_facts().wine.variables['WINEDEBUG']}"]


def test_what_a_user_has_set_for_wine_stays(windows_python: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WINEDEBUG", "+loaddll")
    assert "WINEDEBUG" not in interpreter_at(windows_python).variables


def test_without_wine_a_windows_python_is_the_wrong_one(windows_python: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(InputError, match=r"is a Windows Python, and wine.*is not on PATH") as raised:
        find_python(str(windows_python))
    assert raised.value.id == "python-not-found"


def test_what_is_installed_there_is_asked_by_wine(
    windows_python: Path, wine: Callable[[], list[str]], tmp_path: Path
) -> None:
    passed, detail = installed_verdict(windows_python, make_wheel(tmp_path))
    assert (passed, len(wine())) == (False, 1), detail
    libraries_of(windows_python)
    assert len(wine()) == 2


def test_the_runner_is_given_names_that_windows_knows(windows_python: Path, tmp_path: Path) -> None:
    command = suite_command(windows_python, "cuda", tmp_path, tmp_path / "orders.json")
    assert command.argv[:2] == ("wine", str(windows_python))
    assert command.argv[2] == "Z:" + str(RUNNER).replace("/", "\\")
    assert command.env["PYTHONPYCACHEPREFIX"].startswith("Z:\\")
    assert command.env["WINEPREFIX"] == str(tmp_path / "prefix")
