"""Output that nobody reads to its end is no error: `nox -l | head`."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

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


@pytest.mark.parametrize("words", ["plan --deepspeed 0.19.8", "plan --deepspeed 0.19.8 --json"])
def test_a_table_and_a_document_without_a_reader_end_with_the_same_code(words: str) -> None:
    line = f"{sys.executable} -m invoke {words} | head -1; exit ${{PIPESTATUS[0]}}"
    shown = subprocess.run(["bash", "-c", line], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert (shown.returncode, shown.stderr) == (0, "")


def test_output_that_is_not_open_goes_nowhere_and_not_into_a_file_that_is_opened_later(tmp_path: Path) -> None:
    program = (
        "import subprocess, sys; from scripts.commands.closed_pipe import end_quietly; end_quietly();"
        f"kept = open({str(tmp_path / 'kept')!r}, 'w'); print('said'); subprocess.run(['echo', 'said'], check=True)"
    )
    line = f"exec {shlex.join([sys.executable, '-c', program])} >&- 2>&-"
    ran = subprocess.run(["sh", "-c", line], cwd=CHECKOUT, check=False)
    assert ran.returncode == 0
    assert (tmp_path / "kept").read_text(encoding="utf-8") == ""


def test_another_error_stays_one_when_nobody_reads() -> None:
    program = (
        "from scripts.commands.reported_errors import reported\n"
        "with reported():\n    raise PermissionError(13, 'refused', '/x')"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as ran:
        assert ran.stdout
        ran.stdout.close()
        assert ran.stderr
        told = ran.stderr.read()
    assert ran.returncode == 14
    assert b"/x: refused" in told
