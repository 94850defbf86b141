"""pip takes a wheel of a manylinux level, and refuses it where the system says that it has not that level (PEP 600)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.host import this_host
from scripts.plan.target import Target
from tests.wheel.wheelhouse import pack, platform_tag, wheel_file

HERE = this_host()
TARGET = Target(deepspeed="0.19.8", torch="2.13.0", cuda="cpu", python=HERE.python, platform=HERE.platform)

pytestmark = pytest.mark.skipif(HERE.platform != "linux_x86_64", reason="manylinux levels are of Linux on x86-64")


def ask_pip(folder: Path, answer: str) -> subprocess.CompletedProcess[str]:
    """What pip says to a wheel of level 2.28 where `_manylinux` gives the answer."""
    (folder / "_manylinux.py").write_text(
        f"def manylinux_compatible(major, minor, machine):\n    return {answer}\n", encoding="utf-8"
    )
    wheel = pack(folder, TARGET, {"deepspeed/__init__.py": b""}, torch="torch==2.13.*")
    assert (wheel.name, platform_tag(TARGET)) == (wheel_file(TARGET), "manylinux_2_28_x86_64")
    words = ["install", "--dry-run", "--no-deps", "--no-index", "--target", str(folder / "there"), str(wheel)]
    return subprocess.run(
        [sys.executable, "-m", "pip", *words],
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("answer", ["None", "True", "(major, minor) <= (2, 28)"])
def test_pip_takes_the_wheel_where_the_level_is_there(tmp_path: Path, answer: str) -> None:
    told = ask_pip(tmp_path, answer)
    assert told.returncode == 0, told.stderr
    assert "Would install deepspeed-0.19.8+cputorch2.13" in told.stdout


@pytest.mark.parametrize("answer", ["False", "(major, minor) <= (2, 27)"])
def test_pip_refuses_the_wheel_where_the_system_says_that_it_lacks_the_level(tmp_path: Path, answer: str) -> None:
    told = ask_pip(tmp_path, answer)
    assert told.returncode == 1
    assert "is not a supported wheel on this platform" in told.stderr
