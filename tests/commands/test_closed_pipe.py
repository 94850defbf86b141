"""Output that nobody reads to its end is no error: `nox -l | head`."""

from __future__ import annotations

import subprocess
import sys

import pytest

from scripts.dirs import CHECKOUT

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="whether a reader is gone cannot be asked there")


@pytest.mark.parametrize(
    "words", [("nox", "-l"), ("invoke", "--list"), ("invoke", "plan", "--json"), ("invoke", "verify", "--help")]
)
def test_a_reader_that_goes_away_ends_a_program_quietly(words: tuple[str, ...]) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", *words], cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as program:
        assert program.stdout
        assert program.stderr
        program.stdout.close()
        told = program.stderr.read()
    assert told == b""


def test_help_behind_a_task_that_needs_a_word_is_its_help() -> None:
    words = [sys.executable, "-m", "invoke", "verify", "--help"]
    shown = subprocess.run(words, cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout
    assert "--python=STRING" in shown
