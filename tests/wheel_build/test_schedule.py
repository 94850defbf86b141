"""Tasks run in order of need, within memory and workers, and an interruption leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.errors import CompileError
from scripts.process_tree import ProcessGroup
from scripts.wheel_build.schedule import MEMORY_SHARE, Task, run_tasks, threads_of_each
from tests.wheel_build.factories import driver_command, repository_variables


class Recorder:
    """Notes when tasks start and end and the most that ran at once."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.started: list[str] = []
        self.ended: list[str] = []
        self.running: dict[str, int] = {}
        self.most_bytes = self.most_tasks = self.most_alone = 0

    def task(
        self,
        name: str,
        *needs: str,
        memory: int = 0,
        seconds: float = 1.0,
        error: Exception | None = None,
        pause: float = 0.001,
    ) -> Task:
        def work() -> None:
            with self.lock:
                self.started.append(name)
                self.running[name] = memory
                self.most_tasks = max(self.most_tasks, len(self.running))
                if len(self.running) > 1:
                    self.most_bytes = max(self.most_bytes, sum(self.running.values()))
            time.sleep(pause)
            with self.lock:
                del self.running[name]
                self.ended.append(name)
            if error:
                raise error

        return Task(name=name, work=work, needs=frozenset(needs), memory=memory, seconds=seconds)


def test_a_task_starts_after_everything_it_needs() -> None:
    recorder = Recorder()
    tasks = [
        recorder.task("link", "a", "b"),
        recorder.task("b", "header", pause=0.02),
        recorder.task("a", "header"),
        recorder.task("header"),
    ]
    assert run_tasks(tasks, workers=4, group=ProcessGroup()) == {}
    assert recorder.started[0] == "header"
    assert recorder.started[-1] == "link"


@settings(max_examples=30, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 150), min_size=1, max_size=12),
    workers=st.integers(1, 5),
    needs=st.lists(st.integers(0, 20), max_size=12),
)
def test_never_more_memory_or_workers_than_there_are(sizes: list[int], workers: int, needs: list[int]) -> None:
    recorder = Recorder()
    tasks = []
    for index, size in enumerate(sizes):
        need = [f"t{needs[index] % index}"] if index and index < len(needs) and needs[index] % 2 else []
        tasks.append(recorder.task(f"t{index}", *need, memory=size))
    assert run_tasks(tasks, workers=workers, group=ProcessGroup(), memory=100) == {}
    assert sorted(recorder.ended) == sorted(task.name for task in tasks)
    assert recorder.most_bytes <= 100 * MEMORY_SHARE
    assert recorder.most_tasks <= workers


def test_tasks_really_run_at_once_when_there_is_room() -> None:
    meet = threading.Barrier(2)

    def wait_for_the_other() -> None:
        meet.wait(5)

    tasks = [Task(name=name, work=wait_for_the_other) for name in ("a", "b")]
    assert run_tasks(tasks, workers=2, group=ProcessGroup()) == {}
    assert not meet.broken


def test_a_failure_stops_only_what_needs_it() -> None:
    recorder = Recorder()
    tasks = [
        recorder.task("bad", error=CompileError("a.cpp: no")),
        recorder.task("needs bad", "bad"),
        recorder.task("needs that", "needs bad"),
        recorder.task("good"),
        recorder.task("needs good", "good"),
    ]
    failed = run_tasks(tasks, workers=2, group=ProcessGroup())
    assert {name: str(error) for name, error in failed.items()} == {"bad": "a.cpp: no"}
    assert sorted(recorder.ended) == ["bad", "good", "needs good"]


def test_the_task_with_more_work_behind_it_goes_first() -> None:
    recorder = Recorder()
    tasks = [
        recorder.task("short", seconds=1),
        recorder.task("header", seconds=2),
        recorder.task("long", seconds=5),
        *(recorder.task(f"unit {index}", "header", seconds=4) for index in range(3)),
    ]
    run_tasks(tasks, workers=1, group=ProcessGroup())
    assert recorder.started[:2] == ["header", "long"]
    assert recorder.started[-1] == "short"


def test_what_finishes_something_goes_before_all_that_only_begins_something() -> None:
    recorder = Recorder()
    units = [recorder.task(f"unit {index}", seconds=9 - index) for index in range(3)]
    links = [replace(recorder.task(f"link {index}", f"unit {index}"), finishes=True) for index in range(3)]
    run_tasks([*units, *links], workers=1, group=ProcessGroup())
    assert recorder.started == [f"{what} {index}" for index in range(3) for what in ("unit", "link")]


def test_a_bug_in_a_task_is_not_taken_for_a_failed_op() -> None:
    group = ProcessGroup()
    with pytest.raises(ZeroDivisionError):
        run_tasks([Recorder().task("bug", error=ZeroDivisionError())], workers=1, group=group)
    assert group.stopped


@pytest.mark.parametrize("needs", [{"a": "b", "b": "a"}, {"a": "nowhere"}])
def test_tasks_that_can_never_run_are_refused(needs: dict[str, str]) -> None:
    tasks = [Recorder().task(name, need) for name, need in needs.items()]
    with pytest.raises(ValueError, match=r"cycle|nowhere"):
        run_tasks(tasks, workers=1, group=ProcessGroup())


def test_nothing_to_do_is_done_at_once() -> None:
    assert run_tasks([], workers=2, group=ProcessGroup()) == {}


def test_a_sign_of_life_comes_while_a_long_task_runs() -> None:
    ticks: list[float] = []
    tick: Callable[[], None] = lambda: ticks.append(time.monotonic())  # noqa: E731 - a one-word callback
    run_tasks([Recorder().task("long", pause=0.3)], workers=1, group=ProcessGroup(), tick=tick, tick_seconds=0.05)
    assert len(ticks) >= 4


INTERRUPTED = """
import sys
from pathlib import Path
from scripts.wheel_build.schedule import Task, run_tasks
from scripts.command import Command, run
from scripts.process_tree import ProcessGroup
from scripts.errors import InterruptedBuildError

group, pids = ProcessGroup(), Path(sys.argv[1])
child = "import os, sys, subprocess, time; open(sys.argv[1], 'a').write(f'{os.getpid()} '); time.sleep(60)"
parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}, sys.argv[1]])"
def work():
    run(Command(argv=(sys.executable, "-c", parent, str(pids))), group=group)
tasks = [Task(name=name, work=work) for name in "abc"]
try:
    run_tasks(tasks, workers=2, group=group)
except InterruptedBuildError as error:
    print(error)
    raise SystemExit(error.exit_code)
"""


@pytest.mark.skipif(os.name == "nt", reason="sends a POSIX signal")
def test_control_c_ends_every_process_and_says_how_to_go_on(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    driver = subprocess.Popen(
        driver_command(INTERRUPTED, str(pids)), env=repository_variables(), stdout=subprocess.PIPE, text=True
    )
    while not pids.exists() or len(pids.read_text().split()) < 2:
        assert driver.poll() is None
        time.sleep(0.02)
    os.kill(driver.pid, signal.SIGINT)
    said, _ = driver.communicate(timeout=20)
    assert driver.returncode == 130
    assert "the same command resumes" in said
    compilers = [int(pid) for pid in pids.read_text().split()]
    assert len(compilers) == 2, "the third task was started after the interruption"
    assert [pid for pid in compilers if psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie"] == []


def test_a_task_of_several_threads_takes_as_many_workers() -> None:
    recorder = Recorder()
    tasks = [replace(recorder.task(f"t{number}", pause=0.02), cores=2) for number in range(6)]
    assert run_tasks(tasks, workers=4, group=ProcessGroup()) == {}
    assert recorder.most_tasks == 2


def test_a_task_of_more_threads_than_workers_runs_alone() -> None:
    recorder = Recorder()
    tasks = [replace(recorder.task("wide", pause=0.02), cores=9), recorder.task("narrow", pause=0.02)]
    assert run_tasks(tasks, workers=2, group=ProcessGroup()) == {}
    assert (recorder.most_tasks, sorted(recorder.ended)) == (1, ["narrow", "wide"])


@pytest.mark.parametrize(
    ("units", "workers", "most", "memory", "threads"),
    [
        (1, 4, 7, 100, 4),  # one unit, four cores
        (2, 4, 7, 100, 2),
        (3, 4, 7, 100, 1),
        (40, 4, 7, 100, 1),
        (1, 16, 7, 100, 7),  # no more than there are architectures
        (1, 4, 7, 7, 2),  # no more than fit in the memory: 3 each
        (1, 4, 7, 1, 1),  # one always runs
    ],
)
def test_nvcc_gets_the_cores_that_would_be_idle_and_that_memory_allows(
    units: int, workers: int, most: int, memory: int, threads: int
) -> None:
    assert threads_of_each(units, workers=workers, most=most, memory=memory, peak_bytes=3) == threads


@given(st.integers(1, 99), st.integers(1, 64), st.integers(1, 9), st.integers(0, 10**12), st.integers(1, 10**11))
def test_threads_never_exceed_workers_architectures_or_memory(
    units: int, workers: int, most: int, memory: int, peak: int
) -> None:
    threads = threads_of_each(units, workers=workers, most=most, memory=memory, peak_bytes=peak)
    assert 1 <= threads <= min(workers, most)
    assert threads == 1 or threads * peak <= memory
