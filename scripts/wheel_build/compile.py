"""Compiles the ops of a recipe: looked up in the cache first, their units spread over the free cores otherwise.

An op is the unit of work for the cache, for retry and for the user who watches; its translation units are what is
scheduled, so one large op does not leave the other cores idle. Objects are renamed into place when they are complete:
an interrupted build goes on where it was.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from scripts.command import Command, Outcome, run
from scripts.disk_space import located, said_full
from scripts.errors import CompileError, InterruptedBuildError
from scripts.files import rename_patiently, touch, write_whole
from scripts.locks import locked
from scripts.process_tree import ProcessGroup
from scripts.stamp import discard_file, is_as_stamped, stamp_file
from scripts.wheel_build.built_op import BuiltOp, OpCost
from scripts.wheel_build.compiler_output import failure_message, failure_of, was_killed
from scripts.wheel_build.precompiled import TEXT, PrecompiledHeader, use
from scripts.wheel_build.prepare import CompileSettings, choose_headers, op_keys
from scripts.wheel_build.progress import Progress
from scripts.wheel_build.recipe import OpRecipe, Recipe, Unit
from scripts.wheel_build.schedule import Task, free_memory, run_tasks, threads_of_each

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
        self.ops = {op.op: self._at_key(op) for op in recipe.ops}
        units = [unit for op in self.ops.values() for unit in op.units]
        self.made = frozenset(unit.object for unit in units if is_as_stamped(unit.object))  # by an earlier run
        self.costs = {op: OpCost() for op in self.ops}
        self.built: dict[str, BuiltOp] = {}
        self.peaks = settings.cache.peaks() if settings.cache else {}
        self.threads = 1  # of one nvcc

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
        missing = [recipe for op, recipe in self.ops.items() if op not in self.built]
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

    def _at_key(self, op: OpRecipe) -> OpRecipe:
        """The op with its objects in a directory named by its key: what is there already fits."""
        directory = self.settings.objects / self.keys[op.op][:20]
        units, link = [], list(op.link)
        for index, unit in enumerate(op.units):
            new = directory / f"{index:02d}-{Path(unit.source).stem}{unit.object.suffix}"
            units.append(unit.to(new))
            link = [word.replace(str(unit.object), str(new)) for word in link]
        binary = directory / op.binary.name
        link = [word.replace(str(op.binary), str(binary)) for word in link]
        if op.import_library:
            link = [word.replace(str(op.import_library), str(directory / op.import_library.name)) for word in link]
        return replace(op, units=tuple(units), link=tuple(link), binary=binary)

    def _take_from_cache(self, op: str) -> None:
        hit = self.settings.cache.get(self.keys[op], self.ops[op].binary) if self.settings.cache else None
        if hit:
            cost = Outcome(exit_code=0, seconds=hit.meta["seconds"], peak_bytes=hit.meta["peak_bytes"], output="")
            self.costs[op].add(cost)
            self._finish(op, hit.binary, cached=True)

    def _finish(self, op: str, binary: Path, *, cached: bool) -> None:
        recipe, cost = self.ops[op], self.costs[op]
        self.built[op] = BuiltOp(
            op=op,
            module=recipe.module,
            file=recipe.file,
            binary=binary,
            key=self.keys[op],
            cached=cached,
            seconds=cost.seconds,
            peak_bytes=cost.peak_bytes,
        )
        self.progress.update(op, "cached" if cached else "built")

    def _tasks(self, ops: Sequence[OpRecipe]) -> list[Task]:
        waiting = [(op.op, place) for op in ops for place, unit in enumerate(op.units) if unit.object not in self.made]
        wanted = {self.headers[place].header: self.headers[place] for place in waiting if place in self.headers}
        for header in wanted.values():
            touch(header.header.parent)
        tasks = [self._header_task(header) for header in wanted.values() if not header.is_made]
        made_here = {task.name for task in tasks}
        for op in ops:
            units = [
                self._unit_task(op, unit, self.headers.get((op.op, place)), made_here)
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
            work=lambda: self._precompile(header),
            seconds=HEADER_SECONDS,
            memory=HEADER_MEMORY,
        )

    def _unit_task(self, op: OpRecipe, unit: Unit, header: PrecompiledHeader | None, made_here: set[str]) -> Task:
        needs = {f"header {header.header.parent.name}"} & made_here if header else set()
        seconds = self.settings.expected.get(op.op, 30.0) / len(op.units)
        threads = self.threads if unit.step == "nvcc" else 1
        return Task(
            name=f"{op.op} {unit.object.stem}",
            work=lambda: self._compile(op, unit, header),
            needs=frozenset(needs),
            seconds=seconds,
            cores=threads,
            memory=threads * self.peaks.get((op.op, unit.step), self.settings.peaks[unit.step]),
        )

    def _precompile(self, header: PrecompiledHeader) -> None:
        """Make the header; without it the units compile all the same, only slower, so a failure is just noted."""
        directory = header.header.parent
        with locked(directory, "a precompiled header is being made", log=self.progress.log):
            if header.is_made:  # by the process that was waited for
                return
            discard_file(header.output)
            write_whole(header.header, TEXT)
            self.progress.log(header.command.as_shell())
            outcome = self._run(header.command)
            if outcome.exit_code == 0:
                rename_patiently(header.draft, header.output)
                stamp_file(header.output)
            else:
                header.draft.unlink(missing_ok=True)
                self.progress.log(f"no precompiled header: {outcome.output}")

    def _compile(self, op: OpRecipe, unit: Unit, header: PrecompiledHeader | None) -> None:
        self.progress.update(op.op, "compiling", units=1)
        if unit.object not in self.made:
            unit.object.parent.mkdir(parents=True, exist_ok=True)
            argvs = [use(unit, header)] if header else []
            self._attempt(op, unit, [*argvs, unit.argv])
        self.progress.update(op.op, "compiling", units=-1)

    def _attempt(self, op: OpRecipe, unit: Unit, argvs: Sequence[tuple[str, ...]]) -> None:
        """Try each command in turn, the last one again when the compiler was killed; raises CompileError at the end."""
        draft = unit.to(unit.object.with_suffix(".draft" + unit.object.suffix))
        outcome = Outcome(exit_code=0, seconds=0, peak_bytes=0, output="")
        for argv in argvs:
            attempt = replace(unit, argv=tuple(argv)).to(draft.object)
            outcome = self._run_unit(op, attempt)
            if outcome.exit_code and was_killed(outcome):
                time.sleep(1.0)
                outcome = self._run_unit(op, attempt)
            if outcome.exit_code == 0:
                rename_patiently(draft.object, unit.object)
                stamp_file(unit.object)
                return
        self.progress.update(op.op, "failed")
        raise CompileError(f"{unit.source}: {failure_of(outcome)}")

    def _run_unit(self, op: OpRecipe, unit: Unit) -> Outcome:
        threads = self.threads if unit.step == "nvcc" else 1
        command = Command(argv=(*unit.argv, *([f"--threads={threads}"] if threads > 1 else [])))
        self.progress.log(command.as_shell())
        outcome = self._run(command)
        self.costs[op.op].add(outcome, unit.step, threads)
        return outcome

    def _link(self, op: OpRecipe) -> None:
        self.progress.update(op.op, "linking")
        command = Command(argv=op.link)
        self.progress.log(command.as_shell())
        outcome = self._run(command)
        self.costs[op.op].add(outcome)
        if outcome.exit_code:
            self.progress.update(op.op, "failed")
            raise CompileError(f"{op.op}: link: {failure_of(outcome)}")
        cost = self.costs[op.op]
        if self.settings.cache:
            meta = {
                "op": op.op,
                "file": op.file,
                "seconds": cost.seconds,
                "peak_bytes": cost.peak_bytes,
                "thread_peaks": cost.thread_peaks,
            }
            try:
                with located(self.settings.cache.directory):
                    self.settings.cache.put(self.keys[op.op], op.binary, meta)
            except OSError as error:  # the op is there for this wheel all the same
                why = f"{error.filename}: {error.strerror}"
                self.progress.show(f"  {op.op} is not kept in the op cache: {why}; the build goes on")
        self._finish(op.op, op.binary, cached=False)

    def _run(self, command: Command) -> Outcome:
        if self.group.stopped:
            raise CompileError("stopped")
        command = replace(command, cwd=self.settings.root, env=self.settings.env)
        outcome = run(command, log=self.progress.heard, group=self.group, timeout_seconds=UNIT_TIMEOUT)
        if outcome.exit_code and self.group.stopped:  # it did not fail: it was ended
            raise CompileError("stopped")
        return outcome
