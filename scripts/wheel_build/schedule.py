"""Runs tasks that need one another, several at once, within the cores and the memory that are free."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from graphlib import TopologicalSorter

import psutil

from scripts.disk_space import disk_error
from scripts.errors import InterruptedBuildError, WheelsError
from scripts.process_tree import ProcessGroup

MEMORY_SHARE = 0.9  # of what is free at the start; the rest is the machine's


@dataclass(frozen=True, kw_only=True)
class Task:
    """A piece of work: what it needs done first, and what it is expected to cost."""

    name: str
    work: Callable[[], None]
    needs: frozenset[str] = frozenset()
    seconds: float = 1.0
    memory: int = 0  # bytes
    cores: int = 1
    finishes: bool = False  # whether it completes something that is kept: it goes before all that only begins something


@dataclass
class Schedule:
    """Which tasks wait, run, are done or failed; a failure stops only what needs it."""

    tasks: Mapping[str, Task]
    budget: int
    workers: int
    done: set[str] = field(default_factory=set)
    failed: dict[str, WheelsError] = field(default_factory=dict)
    running: dict[str, Future[None]] = field(default_factory=dict)

    def ready(self) -> list[Task]:
        """The tasks that can start now: those that finish something, then the one with the most work behind it."""
        busy = self.done | self.failed.keys() | self.running.keys()
        ready = [task for name, task in self.tasks.items() if name not in busy and task.needs <= self.done]
        return sorted(ready, key=lambda task: (not task.finishes, -self.downstream(task)))

    def downstream(self, task: Task) -> float:
        """Seconds of this task and of everything that needs it directly."""
        return task.seconds + sum(other.seconds for other in self.tasks.values() if task.name in other.needs)

    def fits(self, task: Task) -> bool:
        """Whether memory and workers allow one more; a task that fits nowhere runs alone."""
        if not self.running:
            return True
        running = [self.tasks[name] for name in self.running]
        cores, used = sum(other.cores for other in running), sum(other.memory for other in running)
        return cores + task.cores <= self.workers and used + task.memory <= self.budget


def free_memory() -> int:
    """Bytes that can be used without swapping."""
    return int(psutil.virtual_memory().available)


def run_tasks(
    tasks: Sequence[Task],
    *,
    workers: int,
    group: ProcessGroup,
    memory: int | None = None,
    tick: Callable[[], None] = lambda: None,
    tick_seconds: float = 1.0,
) -> dict[str, WheelsError]:
    """What failed, by task name; everything that does not need it has run.

    `tick` is called about every `tick_seconds` while tasks run. On Ctrl-C every process of `group` is ended with its
    children and InterruptedBuildError is raised. ValueError for tasks that need one another or one that is not there.
    """
    missing = frozenset().union(*(task.needs for task in tasks)) - {task.name for task in tasks}
    if missing:
        raise ValueError(f"tasks that are needed but not there: {', '.join(sorted(missing))}")
    TopologicalSorter({task.name: task.needs for task in tasks}).prepare()
    budget = int((free_memory() if memory is None else memory) * MEMORY_SHARE)
    schedule = Schedule(tasks={task.name: task for task in tasks}, budget=budget, workers=workers)
    with ThreadPoolExecutor(max_workers=workers) as pool:
        try:
            while _start(schedule, pool):
                finished, _ = wait(schedule.running.values(), timeout=tick_seconds, return_when=FIRST_COMPLETED)
                _collect(schedule, finished)
                tick()
        except BaseException as stop:
            group.stop()
            if isinstance(stop, KeyboardInterrupt):
                raise InterruptedBuildError("interrupted; what is finished is kept, the same command resumes") from None
            raise
    return schedule.failed


def _start(schedule: Schedule, pool: ThreadPoolExecutor) -> bool:
    for task in schedule.ready():
        if schedule.fits(task):
            schedule.running[task.name] = pool.submit(task.work)
    return bool(schedule.running)


def _collect(schedule: Schedule, finished: set[Future[None]]) -> None:
    for name, future in list(schedule.running.items()):
        if future not in finished:
            continue
        del schedule.running[name]
        error = future.exception()
        found = disk_error(error) if isinstance(error, OSError) else error
        if error is None:
            schedule.done.add(name)
        elif isinstance(found, WheelsError):
            schedule.failed[name] = found
        else:
            raise error


def threads_of_each(units: int, *, workers: int, most: int, memory: int, peak_bytes: int) -> int:
    """How many threads each of `units` compilers may use: cores that would else be idle, `most` that it can use.

    `peak_bytes` is what one thread takes of the `memory` that is free.

    >>> [threads_of_each(units, workers=4, most=7, memory=16, peak_bytes=3) for units in (1, 2, 9)]
    [4, 2, 1]
    """
    share = workers // max(1, min(units, workers))
    return max(1, min(share, most, int(memory * MEMORY_SHARE) // max(1, peak_bytes)))
