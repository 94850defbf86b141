"""Compiles the ops of a recipe: looked up in the cache first, their units spread over the free cores otherwise.

An op is the unit of work for the cache, for retry and for the user who watches; its translation units are what is
scheduled, so one large op does not leave the other cores idle. Objects are renamed into place when they are complete:
an interrupted build goes on where it was.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from scripts.command import Command, Outcome, run
from scripts.disk_space import located, said_full
from scripts.errors import CompileError, InterruptedBuildError
from scripts.files import rename_patiently, touch
from scripts.process_tree import ProcessGroup
from scripts.stamp import is_as_stamped, stamp_file
from scripts.wheel_build.built_op import CACHED, COMPILED, BuiltOp, OpCost
from scripts.wheel_build.compiler_output import failure_message, failure_of, was_killed
from scripts.wheel_build.made_headers import MadeHeaders
from scripts.wheel_build.precompiled import PrecompiledHeader, use
from scripts.wheel_build.prepare import CompileSettings, choose_headers, op_keys
from scripts.wheel_build.progress import Progress
from scripts.wheel_build.recipe import OpRecipe, Recipe, Unit
from scripts.wheel_build.schedule import Task, free_memory, run_tasks, threads_of_each
from scripts.wheel_build.unit_objects import UnitObjects, listing, without_process

GIB = 1024**3
HEADER_MEMORY = int(2.3 * GIB)
HEADER_SECONDS = 40.0
UNIT_TIMEOUT = 3600.0


class Compiler:
    """One run over the ops of a recipe."""

    def __init__(self, recipe: Recipe, settings: CompileSettings, progress: Progress) -> None:
        self.settings, self.progress = settings, progress
        self.group = ProcessGroup()
        self.headers = choose_headers(recipe, settings)
        self.keys = op_keys(recipe, settings, self.headers)
        self.ops = {op.op: op.in_directory(settings.objects / self.keys[op.op][:20]) for op in recipe.ops}
        units = [unit for op in self.ops.values() for unit in op.units]
        self.made = {unit.object for unit in units if is_as_stamped(unit.object)}  # by an earlier run
        self.objects = UnitObjects(settings.units, settings) if settings.units else None
        self.made_headers = MadeHeaders(settings)
        self.costs = {op: OpCost() for op in self.ops}
        self.built: dict[str, BuiltOp] = {}
        self.peaks = settings.cache.peaks() if settings.cache else {}
        self.threads = 1  # of one nvcc
        self.refused: set[tuple[Path, str]] = set()  # caches that cannot be written, and why

    def run(self) -> tuple[BuiltOp, ...]:
        """Every op, built or from the cache.

        Raises CompileError naming each op that failed with its first error lines, after all others are finished and
        kept; InterruptedBuildError on Ctrl-C.
        """
        units = {op: len(recipe.units) for op, recipe in self.ops.items()}
        expected = {op: self.settings.expected.get(op, 30.0 * units[op]) for op in self.ops}
        self.progress.watch_ops(expected, units, self.settings.jobs)
        for op in self.ops:
            self._take_from_cache(op)
        self._take_published()
        missing = [recipe for op, recipe in self.ops.items() if op not in self.built]
        for recipe in missing:
            self._take_objects(recipe)
        self.threads = self._nvcc_threads(missing)
        tasks = self._tasks(missing)
        failed = run_tasks(tasks, workers=self.settings.jobs, group=self.group, tick=self._tick)
        if failed:
            message = failure_message(failed)
            raise CompileError(message, id="disk-full" if said_full(message) else "compile-failed")
        return tuple(self.built[op] for op in self.ops)

    def _nvcc_threads(self, ops: Sequence[OpRecipe]) -> int:
        """Threads of each nvcc: where units are few for the cores, each compiles several architectures at once."""
        units = [unit for op in ops for unit in op.units if unit.step == "nvcc" and unit.object not in self.made]
        if not units:
            return 1
        peak = max(self.peaks.get((op.op, "nvcc"), self.settings.peaks["nvcc"]) for op in ops)
        return threads_of_each(
            len(units), workers=self.settings.jobs, most=self.settings.arches, memory=free_memory(), peak_bytes=peak
        )

    def _tick(self) -> None:
        if self.settings.deadline and time.monotonic() > self.settings.deadline:
            raise InterruptedBuildError("the time given is over; what is finished is kept, the same command resumes")

    def _take_from_cache(self, op: str) -> None:
        hit = self.settings.cache.get(self.keys[op], self.ops[op].binary) if self.settings.cache else None
        if hit:
            cost = Outcome(exit_code=0, seconds=hit.meta["seconds"], peak_bytes=hit.meta["peak_bytes"], output="")
            self.costs[op].add(cost)
            self._finish(op, hit.binary, origin=hit.meta.get("published_in", CACHED))

    def _take_published(self) -> None:
        """What published wheels have of the ops that are not in the cache."""
        wanted = {op: self.keys[op] for op in self.ops if op not in self.built}
        if self.settings.cache and self.settings.published and wanted:
            with self._kept("what published wheels have", self.settings.cache.directory):
                self.settings.published.fetch(wanted, self.settings.cache)
            for op in wanted:
                self._take_from_cache(op)

    def _take_objects(self, op: OpRecipe) -> None:
        """What of the op's units another build compiled from the same content."""
        for place, unit in enumerate(op.units):
            if self.objects and unit.object not in self.made:
                self.objects.name(unit, precompiled=(op.op, place) in self.headers)
                self._take_object(op, unit)

    def _take_object(self, op: OpRecipe, unit: Unit) -> None:
        hit = self.objects.take(unit) if self.objects else None
        if hit:
            stamp_file(unit.object)
            self.made.add(unit.object)
            self.progress.log(f"{unit.source}: its object is in the cache")
            seconds, peak = hit.meta["seconds"], hit.meta["peak_bytes"]
            cost = Outcome(exit_code=0, seconds=seconds, peak_bytes=peak, output="")
            self.costs[op.op].add(cost, unit.step, hit.meta.get("threads", 1))

    def _finish(self, op: str, binary: Path, *, origin: str) -> None:
        recipe, cost, cached = self.ops[op], self.costs[op], origin != COMPILED
        self.built[op] = BuiltOp(
            op=op,
            module=recipe.module,
            file=recipe.file,
            binary=binary,
            key=self.keys[op],
            cached=cached,
            origin=origin,
            seconds=cost.seconds,
            peak_bytes=cost.peak_bytes,
        )
        self.progress.update(op, "cached" if cached else "built")

    def _tasks(self, ops: Sequence[OpRecipe]) -> list[Task]:
        waiting = [(op.op, place) for op in ops for place, unit in enumerate(op.units) if unit.object not in self.made]
        wanted = {self.headers[place].header: self.headers[place] for place in waiting if place in self.headers}
        for header in wanted.values():
            touch(header.header.parent)
        tasks = [self._header_task(header) for header in wanted.values() if not self.made_headers.find(header)]
        made_here = {task.name for task in tasks}
        first: dict[str, str] = {}  # of the units that have one command: those behind it wait and take its object
        for op in ops:
            units = [
                self._unit_task(op, unit, self.headers.get((op.op, place)), made_here, first)
                for place, unit in enumerate(op.units)
            ]
            needs = frozenset(task.name for task in units)
            tasks += [*units, self._link_task(op, needs)]
        return tasks

    def _link_task(self, op: OpRecipe, needs: frozenset[str]) -> Task:
        """An op is kept only when it is linked: that waits for no unit of another op."""
        return Task(name=f"link {op.op}", work=lambda: self._link(op), needs=needs, finishes=True)

    def _header_task(self, header: PrecompiledHeader) -> Task:
        return Task(
            name=f"header {header.header.parent.name}",
            work=lambda: self.made_headers.make(header, self._run, self.progress.log),
            seconds=HEADER_SECONDS,
            memory=HEADER_MEMORY,
        )

    def _unit_task(
        self, op: OpRecipe, unit: Unit, header: PrecompiledHeader | None, made_here: set[str], first: dict[str, str]
    ) -> Task:
        name = f"{op.op} {unit.object.stem}"
        needs = {f"header {header.header.parent.name}"} & made_here if header else set()
        command = self.objects.command_of(unit) if self.objects else ""
        if command and unit.object not in self.made and first.setdefault(command, name) != name:
            needs.add(first[command])
        seconds = self.settings.expected.get(op.op, 30.0) / len(op.units)
        threads = self._threads_of(unit)
        return Task(
            name=name,
            work=lambda: self._compile(op, unit, header),
            needs=frozenset(needs),
            seconds=seconds,
            cores=threads,
            memory=threads * self.peaks.get((op.op, unit.step), self.settings.peaks[unit.step]),
        )

    def _compile(self, op: OpRecipe, unit: Unit, header: PrecompiledHeader | None) -> None:
        self.progress.update(op.op, "compiling", units=1)
        unit.object.parent.mkdir(parents=True, exist_ok=True)
        if unit.object not in self.made and self.objects and self.objects.seen_since(unit):
            self._take_object(op, unit)
        if unit.object not in self.made:
            self._attempt(op, unit, header)
        self.progress.update(op.op, "compiling", units=-1)

    def _attempt(self, op: OpRecipe, unit: Unit, header: PrecompiledHeader | None) -> None:
        """Compile with the headers that were planned, then with torch's own; raises CompileError at the end."""
        draft = unit.object.with_suffix(".draft" + unit.object.suffix)
        read = unit.object.with_suffix(".read")
        outcome = Outcome(exit_code=0, seconds=0, peak_bytes=0, output="")
        commands = [*([use(unit, header)] if header else []), unit.argv, *([unit.plain] if unit.plain else [])]
        for place, argv in enumerate(commands):
            as_planned = place == 0 and header in self.made_headers
            attempt = listing(unit.to(draft, argv), read) if self.objects else unit.to(draft, argv)
            since = self.made_headers.began(header)
            outcome = self._run_unit(op, attempt)
            if outcome.exit_code and was_killed(outcome):
                time.sleep(1.0)
                outcome = self._run_unit(op, attempt)
            if outcome.exit_code == 0:
                without_process(attempt)
                rename_patiently(draft, unit.object)
                stamp_file(unit.object)
                if self.objects and as_planned:
                    with self._kept(f"the object of {unit.source}", self.objects.cache.directory):
                        threads = self._threads_of(unit)
                        self.objects.keep(unit, read, since_ns=since, outcome=outcome, threads=threads)
                return
        self.progress.update(op.op, "failed")
        raise CompileError(f"{unit.source}: {failure_of(outcome)}")

    def _run_unit(self, op: OpRecipe, unit: Unit) -> Outcome:
        threads = self._threads_of(unit)
        command = Command(argv=(*unit.argv, *([f"--threads={threads}"] if threads > 1 else [])))
        self.progress.log(command.as_shell())
        outcome = self._run(command)
        self.costs[op.op].add(outcome, unit.step, threads)
        return outcome

    def _threads_of(self, unit: Unit) -> int:
        return self.threads if unit.step == "nvcc" else 1

    def _link(self, op: OpRecipe) -> None:
        self.progress.update(op.op, "linking")
        command = Command(argv=op.link)
        self.progress.log(command.as_shell())
        outcome = self._run(command)
        self.costs[op.op].add(outcome)
        if outcome.exit_code:
            self.progress.update(op.op, "failed")
            raise CompileError(f"{op.op}: link: {failure_of(outcome)}")
        if self.settings.cache:
            with self._kept(op.op, self.settings.cache.directory):
                self.settings.cache.put(self.keys[op.op], op.binary, self.costs[op.op].meta(op))
        self._finish(op.op, op.binary, origin=COMPILED)

    @contextmanager
    def _kept(self, what: str, directory: Path) -> Iterator[None]:
        """Around putting something into a cache: one that cannot be written is told once, and the build goes on."""
        try:
            with located(directory):
                yield
        except OSError as error:
            told = f"  {what} is not kept in the cache: {error.filename}: {error.strerror}"
            reason = (directory, str(error.strerror))
            (self.progress.log if reason in self.refused else self.progress.show)(f"{told}; the build goes on")
            self.refused.add(reason)

    def _run(self, command: Command) -> Outcome:
        if self.group.stopped:
            raise CompileError("stopped")
        command = replace(command, cwd=self.settings.root, env=self.settings.env)
        outcome = run(command, log=self.progress.heard, group=self.group, timeout_seconds=UNIT_TIMEOUT)
        if outcome.exit_code and self.group.stopped:  # it did not fail: it was ended
            raise CompileError("stopped")
        return outcome
