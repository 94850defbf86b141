"""What compilers would take on N workers follows from what they took one after the other."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from bench.workers import Recorded, makespan, ninja_tasks, recorded_tasks, timed_compiler
from scripts.process_tree import ProcessGroup
from scripts.wheel_build import compile as compiling
from scripts.wheel_build.schedule import Task, run_tasks

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the stand-in of a compiler is a shell script")

COUNT = ["sh", "-c", "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done"]
SECONDS = {"header": 4.0, "a": 3.0, "b": 3.0, "c": 2.0, "link": 1.0}
TASKS = [
    Task(name="header", work=lambda: None, seconds=4),
    *(Task(name=name, work=lambda: None, needs=frozenset({"header"}), seconds=SECONDS[name]) for name in "abc"),
    Task(name="link", work=lambda: None, needs=frozenset("abc"), finishes=True),
]
LOG = """\
-c -o adam.o adam.cpp
0m0.00s 0m0.00s
0m1.50s 0m0.50s
-c -o binding.o binding.cpp
0m0.00s 0m0.00s
0m3.00s 0m0.00s
adam.o binding.o -shared -o adam.so
0m0.00s 0m0.00s
0m0.25s 0m0.00s
-c -o lion.o lion.cpp
0m0.00s 0m0.00s
1m0.00s 0m0.00s
lion.o -shared -o lion.so
0m0.00s 0m0.00s
0m0.25s 0m0.00s
"""


@pytest.mark.parametrize(
    ("workers", "seconds"), [(1, 4 + 3 + 3 + 2 + 1), (2, 4 + 3 + 2 + 1), (3, 4 + 3 + 1), (16, 4 + 3 + 1)]
)
def test_units_wait_for_their_header_and_the_link_for_them(workers: int, seconds: float) -> None:
    assert makespan(TASKS, SECONDS, workers) == seconds


def test_the_tasks_of_a_build_are_recorded_with_what_each_took() -> None:
    def work() -> None:
        subprocess.run(COUNT, check=True)

    recorded = Recorded()
    with recorded_tasks(recorded):
        busy = Task(name="busy", work=work)
        assert vars(compiling)["run_tasks"]([busy, *TASKS], workers=7, group=ProcessGroup()) == {}
    assert vars(compiling)["run_tasks"] is run_tasks
    assert recorded.seconds.keys() == {"busy", *SECONDS}
    assert recorded.seconds["busy"] > 10 * recorded.seconds["link"]


def test_what_ninja_ran_is_one_op_after_the_other() -> None:
    recorded = ninja_tasks(LOG)
    recorded.whole = 80.0
    assert recorded.rest == 80 - (2 + 3 + 0.25 + 60 + 0.25)
    assert recorded.on(1) == 80
    assert recorded.on(2) == recorded.on(16) == 80 - 2


def test_a_stand_in_notes_down_what_its_compiler_took(tmp_path: Path) -> None:
    compiler, log = tmp_path / "bin" / "g++", tmp_path / "log"
    timed_compiler(compiler, "false", log)
    assert subprocess.run([str(compiler), "-c", "x.cpp"], check=False).returncode == 1
    assert [task.name for task in ninja_tasks(log.read_text()).tasks] == ["0"]
