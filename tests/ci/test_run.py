"""`.ci/run` can be stopped: what it started ends with it, and its temporary directory goes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scripts.guard import MARK, carriers, end_carriers, new_name

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it is for a Debian machine")

# A Python that makes an environment whose `invoke` takes long, with a child that is asked to end, as ours is.
PYTHON = """#!/bin/sh
case "$*" in
"-m venv "*) mkdir -p "$3/bin" && echo 'PATH="{bin}:$PATH"' > "$3/bin/activate" ;;
esac
"""
INVOKE = """#!/bin/sh
[ -e "{folder}/at-once" ] && echo "said by $1" && exit "$(cat "{folder}/at-once")"
trap 'kill $child; echo tidied >> "{folder}/tidied"; exit 143' TERM
sleep 60 & child=$!
echo "$1" >> "{folder}/begun"
wait
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the script, with stand-ins for all that it would install and run."""
    folder, programs = tmp_path / "checkout", tmp_path / "bin"
    (folder / ".ci").mkdir(parents=True)
    programs.mkdir()
    shutil.copy(ROOT / ".ci" / "run", folder / ".ci" / "run")
    (folder / "README.md").write_text("python -m pip install nothing && invoke test\n")
    for name in ("python3.11", "python"):
        (programs / name).write_text(PYTHON.format(bin=programs))
    (programs / "invoke").write_text(INVOKE.format(folder=tmp_path))
    for name in ("g++", "git", "chromium", "gh", "wine", "wineserver", "x86_64-w64-mingw32-gcc", "apt-get"):
        (programs / name).write_text("#!/bin/sh\n")
    for program in programs.iterdir():
        program.chmod(0o755)
    return folder


@pytest.mark.parametrize("code", [0, 1])
def test_undisturbed_it_shows_both_and_what_each_part_took(code: int, checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "at-once").write_text(str(code))
    variables = {**os.environ, "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
    ended = subprocess.run([checkout / ".ci" / "run"], env=variables, capture_output=True, text=True, check=False)
    assert ended.returncode == code
    assert {"said by lint", "said by test"} <= set(ended.stdout.splitlines())
    took = {line.split(":")[0] for line in ended.stdout.splitlines() if " s, of which" in line}
    assert took == {"system packages", "python packages", "lint", "tests"}
    assert ended.stderr.splitlines() == (["failed: tests lint"] if code else [])


@pytest.mark.parametrize(("signal_name", "code"), [("SIGTERM", 143), ("SIGHUP", 129), ("SIGINT", 130)])
def test_a_signal_ends_lint_and_tests_and_waits_for_them(
    signal_name: str, code: int, checkout: Path, tmp_path: Path
) -> None:
    name = new_name()
    (tmp_path / "tmp").mkdir()
    path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
    variables = {**os.environ, "PATH": path, "TMPDIR": str(tmp_path / "tmp"), MARK: name}
    with subprocess.Popen(
        [checkout / ".ci" / "run"], env=variables, start_new_session=True, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            end = time.monotonic() + 30
            while len(lines(tmp_path / "begun")) < 2 and time.monotonic() < end:
                time.sleep(0.02)
            assert sorted(lines(tmp_path / "begun")) == ["lint", "test"]
            os.kill(process.pid, getattr(signal, signal_name))
            assert process.wait(30) == code
            assert carriers(name) == []
        finally:
            end_carriers(name)
    assert lines(tmp_path / "tidied") == ["tidied"] * 2
    assert list((tmp_path / "tmp").iterdir()) == []


def lines(file: Path) -> list[str]:
    return file.read_text().split() if file.exists() else []
