"""On Windows, too, whatever ends one of our processes ends what it started."""

from __future__ import annotations

import json

import pytest

from tests.wine.lab import ROOT, Windows
from tests.wine.packages import PYTHON

pytestmark = pytest.mark.wine

# A parent starts a compiler, which starts a child; each writes its process id, and all would stay for minutes.
CHILD = "import os, sys, time; print(os.getpid(), flush=True); time.sleep(300)"
COMPILER = (
    f"import os, subprocess, sys; print(os.getpid(), flush=True); subprocess.run([sys.executable, '-c', {CHILD!r}])"
)
PARENT = f"""
import sys
sys.path.insert(0, sys.argv[1])
from scripts.command import Command, run
run(Command(argv=(sys.executable, "-c", {COMPILER!r})), log=lambda line: print(line, flush=True))
"""
# `psutil.Process.kill` is TerminateProcess, as the task manager calls it.
END_PARENT = f"""
import json, subprocess, sys, time
import psutil
parent = subprocess.Popen([sys.executable, "-c", {PARENT!r}, sys.argv[1]], stdout=subprocess.PIPE, text=True)
started = [int(parent.stdout.readline()) for _ in range(2)]
before = [pid for pid in started if psutil.pid_exists(pid)]
psutil.Process(parent.pid).kill()
end = time.monotonic() + 20
while any(map(psutil.pid_exists, started)) and time.monotonic() < end:
    time.sleep(0.1)
print(json.dumps([len(before), [pid for pid in started if psutil.pid_exists(pid)]]))
"""


def test_a_parent_that_is_terminated_takes_its_compiler_and_that_ones_child_along(windows: Windows) -> None:
    ended = windows.run([windows.python(PYTHON), "-c", END_PARENT, ROOT], seconds=120)
    assert json.loads(ended.require()) == [2, []]
