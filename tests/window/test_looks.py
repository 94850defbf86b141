"""The window on other screens: nothing is cut at twice the dots or at its least size, and Tab leads everywhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from scripts.dirs import CACHE_VARIABLE, CHECKOUT
from tests.window.screen import screen, why_no_screen

pytestmark = pytest.mark.skipif(bool(why_no_screen()), reason=why_no_screen())
LOOK = Path(__file__).parent / "look.py"
PANELS = ("machine", "wheel", "builds", "guide")
SCREENS = {96: "1280x1000x24", 192: "2560x2000x24"}


def look(tmp_path: Path, dots: int, shade: str, size: str) -> dict[str, Any]:
    pictures = Path(os.environ.get("WINDOW_PICTURES") or tmp_path) / str(dots)
    pictures.mkdir(parents=True, exist_ok=True)
    with screen(SCREENS[dots], dots) as display:
        variables = {**os.environ, "DISPLAY": display, "PYTHONPATH": str(CHECKOUT), CACHE_VARIABLE: str(tmp_path)}
        argv = [sys.executable, str(LOOK), str(pictures), shade, size]
        ran = subprocess.run(argv, env=variables, capture_output=True, text=True, check=False, timeout=120)
    assert ran.returncode == 0, ran.stderr[-3000:]
    seen: dict[str, Any] = json.loads(ran.stdout)
    return seen


@pytest.mark.parametrize(
    ("dots", "shade", "size"), [(96, "light", "least"), (192, "dark", "usual"), (192, "light", "least")]
)
def test_nothing_is_cut_and_everything_is_reached_by_keyboard(tmp_path: Path, dots: int, shade: str, size: str) -> None:
    seen = look(tmp_path, dots, shade, size)
    assert seen["scale"] == pytest.approx(dots / 96, rel=0.02)
    assert seen["ticks"] == pytest.approx([20 * dots / 96] * 2, abs=1)
    assert seen["room"] >= max(seen["ticks"])  # the theme clips a tick that is larger than its room
    assert [line for name in PANELS for line in seen[name]["cut"]] == []
    assert [line for name in PANELS for line in seen[name]["unreached"]] == []
    for name in PANELS:
        letters = seen[name]["letters"]
        assert sorted(set(letters)) == sorted(letters), f"{name}: two buttons answer to one letter"
