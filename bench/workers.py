"""What each side's compilers would take on N workers: `python -m bench.build --part workers`.

A machine with many processors is rarely at hand, and a busy one measures nothing. So every compiler's processor seconds
are recorded, one compiler after the other; then each side's own order puts them on N workers: ours by the schedule that
builds, with the header that units wait for, upstream's by ninja's, which has one op after the other. What no worker
shares (recording, packaging, upstream's own Python) is added as it was.
"""

from __future__ import annotations

import heapq
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest import mock

from bench.cost import Cost
from scripts.wheel_build import compile as compiling
from scripts.wheel_build.schedule import Schedule, Task, run_tasks

TIMED = """#!/bin/sh
{command} "$@" -g0
code=$?
{{ echo "$*"; times; }} >> {log}
exit $code
"""


@dataclass(kw_only=True)
class Recorded:
    """What one side ran: its tasks in order, what each took, and what everything took."""

    tasks: list[Task] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    whole: float = 0.0

    @property
    def rest(self) -> float:
        """What was no compiler's or linker's: it is done by one processor, whatever the workers."""
        return self.whole - sum(self.seconds.values())

    def on(self, workers: int) -> float:
        """Seconds to the wheel with so many workers."""
        return self.rest + makespan(self.tasks, self.seconds, workers)


def makespan(tasks: Sequence[Task], seconds: Mapping[str, float], workers: int) -> float:
    """When the last task ends that the schedule of our builds puts on so many workers."""
    schedule = Schedule(tasks={task.name: task for task in tasks}, budget=sys.maxsize, workers=workers)
    running: list[tuple[float, str]] = []
    now = 0.0
    while True:
        for task in schedule.ready():
            if len(running) < workers and schedule.fits(task):
                schedule.running[task.name] = Future()
                heapq.heappush(running, (now + seconds[task.name], task.name))
        if not running:
            return now
        now, name = heapq.heappop(running)
        del schedule.running[name]
        schedule.done.add(name)


@contextmanager
def recorded_tasks(recorded: Recorded) -> Iterator[None]:
    """Within, our builds note down their tasks and what each takes; by one worker, so that nothing else is counted."""

    def timed(task: Task) -> Task:
        def work() -> None:
            begun = Cost.now()
            task.work()
            recorded.seconds[task.name] = (Cost.now() - begun).processor

        return replace(task, work=work)

    def run(tasks: Sequence[Task], **how: Any) -> Any:  # noqa: ANN401  as `run_tasks`
        recorded.tasks.extend(tasks)
        return run_tasks([timed(task) for task in tasks], **{**how, "workers": 1})

    with mock.patch.object(compiling, "run_tasks", run):
        yield


def ninja_tasks(log: str) -> Recorded:
    """The compilers of a log that `TIMED` wrote: an op's units need the link of the op before, its link needs them.

    >>> recorded = ninja_tasks("-c a\\n0m0.0s 0m0.0s\\n0m1.5s 0m0.5s\\n-shared\\n0m0.0s 0m0.0s\\n1m0.0s 0m0.0s\\n")
    >>> recorded.seconds, recorded.tasks[1].needs
    ({'0': 2.0, '1': 60.0}, frozenset({'0'}))
    """
    recorded, before, units = Recorded(), frozenset[str](), list[str]()
    lines = log.splitlines()
    for number, (words, _, times) in enumerate(zip(lines[::3], lines[1::3], lines[2::3], strict=True)):
        name = str(number)
        recorded.seconds[name] = sum(map(_seconds, times.split()))
        is_unit = "-c" in words.split()
        recorded.tasks.append(Task(name=name, work=_nothing, needs=before if is_unit else frozenset(units) or before))
        if is_unit:
            units.append(name)
        else:
            before, units = frozenset({name}), []
    return recorded


def timed_compiler(path: Path, command: str, log: Path) -> None:
    """Write the stand-in that runs the compiler and notes down what it took."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(TIMED.format(command=command, log=log), encoding="utf-8")
    path.chmod(0o755)


def _seconds(text: str) -> float:
    minutes, _, seconds = text.removesuffix("s").partition("m")
    return 60 * float(minutes) + float(seconds)


def _nothing() -> None:
    """What a task does that was done."""
