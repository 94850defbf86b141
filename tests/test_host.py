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


@pytest.mark.skipif(sys.platform == "win32", reason="the programs are scripts of a POSIX shell")
def test_a_python_that_uv_has_installed_is_found_where_nothing_else_knows_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, lines in {"py": "exit 103", "uv": 'test "$6" = 3.8 && echo "/uv/python3.8"'}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{lines}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.delenv("RUNNER_TOOL_CACHE", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert host.find_interpreter("3.8") == "/uv/python3.8"
    assert host.find_interpreter("3.7") is None


def test_a_python_for_musl_is_no_linux_that_a_wheel_is_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sysconfig.get_platform", lambda: "linux-x86_64")
    monkeypatch.setattr("sysconfig.get_config_var", {"EXT_SUFFIX": ".cpython-312-x86_64-linux-gnu.so"}.get)
    assert host.platform_tag() == "linux_x86_64"
    monkeypatch.setattr("sysconfig.get_config_var", {"EXT_SUFFIX": ".cpython-312-x86_64-linux-musl.so"}.get)
    assert host.platform_tag() == "musllinux_x86_64"
    assert " with musl, Python 3" in host.describe()
