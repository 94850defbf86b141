"""The window on a screen that nobody sees: a failure, a build that is cancelled and goes on, one that is installed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.faults.build_runs import HANG, MARK, require_no_orphan
from bench.faults.small_build import make_workshop, note_source
from scripts.dirs import CACHE_VARIABLE, OUTPUT_VARIABLE
from scripts.fetch.installer import environment_python
from tests.wheel_build.stub_deepspeed import TARGET, TORCH
from tests.window.screen import screen, why_no_screen

pytestmark = [
    pytest.mark.skipif(bool(why_no_screen()), reason=why_no_screen()),
    pytest.mark.skipif(sys.platform != "linux", reason="the small build is one for Linux"),
]
DRIVER = Path(__file__).parent / "driver.py"
SECONDS = 900
LEAST_BYTES = 15_000  # of a picture with a window on it
PICTURES = ("machine", "choice", "failure", "building", "cancelled", "installed", "builds-dark", "guide-dark")


def make_environment(folder: Path) -> Path:
    """An environment with pip and the small build's torch."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, capture_output=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    files = {**TORCH, f"torch-{TARGET.torch}+cpu.dist-info/METADATA": f"Name: torch\nVersion: {TARGET.torch}+cpu\n"}
    for name, text in files.items():
        (packages / name).parent.mkdir(exist_ok=True)
        (packages / name).write_text(text, encoding="utf-8")
    return folder


def test_the_window_installs_builds_cancels_and_tells_of_failures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures = Path(os.environ.get("WINDOW_PICTURES") or tmp_path / "pictures")
    pictures.mkdir(parents=True, exist_ok=True)
    workshop = make_workshop(tmp_path / "shop")
    clone = workshop.clone("window")
    note_source(workshop.source, tmp_path / "cache" / "sources")
    environment, hang = make_environment(tmp_path / "environment"), tmp_path / "hang"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_", "DEEPSPEED_"))}
    with screen() as display:
        variables = {
            **kept,
            **clone.variables,
            "DISPLAY": display,
            HANG: str(hang),
            MARK: str(tmp_path),
            "PYTHONPATH": str(clone.root),
            CACHE_VARIABLE: str(tmp_path / "cache"),
            OUTPUT_VARIABLE: str(tmp_path / "output"),
            "VIRTUAL_ENV": str(environment),
            "PIP_NO_INDEX": "1",
        }
        argv = [str(workshop.python), str(DRIVER), str(pictures), str(environment), str(hang)]
        told = subprocess.run(
            argv, cwd=clone.root, env=variables, capture_output=True, text=True, check=False, timeout=SECONDS
        )
    require_no_orphan(str(tmp_path))  # it was closed while a compiler hung
    assert told.returncode == 0, told.stderr[-6000:]
    seen = json.loads(told.stdout)
    letters = [letter for letter in seen["letters"] if letter]
    assert len(letters) == len(set(letters)), "two buttons answer to one letter"
    assert "failed" in seen["failure"]["told"]
    assert "is no index" in seen["failure"]["log"] or "not-an-index" in seen["failure"]["log"]
    assert "stopped" in seen["cancelled"]["told"]
    assert "done" in seen["retried"]["told"], seen["retried"]["log"]
    assert "done" in seen["installed"]["told"], seen["installed"]["log"]
    assert [TARGET.id, "built"] in seen["builds"]
    script = "import importlib.metadata as m; print(m.version('deepspeed'))"
    python = environment_python(environment)
    version = subprocess.run([python, "-c", script], capture_output=True, text=True, check=True).stdout
    assert version.strip() == TARGET.wheel_version
    small = [name for name in PICTURES if (pictures / f"{name}.png").stat().st_size < LEAST_BYTES]
    assert small == []
    with capsys.disabled():
        print(f"\n{pictures}")  # noqa: T201  where to look
