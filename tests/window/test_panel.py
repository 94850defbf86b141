"""The second panel by itself: what it says of a corrected address, and the options of a build."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.dirs import CHECKOUT
from scripts.options import options_of
from scripts.wheel_build.build_options import BuildOptions
from scripts.window.build_choices import HEADERS, SOURCES
from tests.window.screen import screen, why_no_screen

PANEL = Path(__file__).parent / "panel.py"


@pytest.mark.skipif(bool(why_no_screen()), reason=why_no_screen())
def test_a_corrected_address_is_looked_at_and_options_become_words() -> None:
    with screen() as display:
        variables = {**os.environ, "DISPLAY": display, "PYTHONPATH": str(CHECKOUT)}
        ran = subprocess.run([sys.executable, str(PANEL)], env=variables, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr[-3000:]
    seen = json.loads(ran.stdout)
    wrong, corrected, late, right = seen["headlines"]
    assert "not an index" in wrong
    assert (corrected, late) == ("Looking …", "Looking …")  # an answer about the former address is too late
    assert right.endswith("ds1 fits.")
    assert seen["asked"] == ["http://wrong.example/", "http://right.example/"]
    assert seen["words"] == ["--source", "tag", "--headers", "small"]


def test_every_choice_of_a_build_is_offered() -> None:
    choices = {option.name: option.stated.choices for option in options_of(BuildOptions)}
    assert choices["headers"] == HEADERS
    assert choices["source"] == SOURCES
