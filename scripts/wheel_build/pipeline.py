"""One wheel from one target, in an environment that already holds its torch: source, record, compile, package."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from scripts.command import Command, Running, check
from scripts.dirs import Places
from scripts.errors import PrerequisiteError
from scripts.facts.cpu_levels import CpuLevel
from scripts.facts.facts import Facts
from scripts.host import find_interpreter, python_include
from scripts.plan.context import Context
from scripts.plan.matrix import Matrix
from scripts.plan.ops import OpSelection, available_ops, choose_ops, patches_for
from scripts.plan.target import Target
from scripts.toolchain.compilers import (
    HostCompiler,
    Toolchain,
    check_toolchain,
    find_host,
    provide_toolchain,
    toolkit_version,
)
from scripts.toolchain.gates import require_gates, standard_context
from scripts.toolchain.gcc import Gcc, absent_headers, install_line, require_python_headers
from scripts.wheel_build.build_options import BuildOptions
from scripts.wheel_build.cache import OpCache
from scripts.wheel_build.compile import BuiltOp, Compiler, default_jobs
from scripts.wheel_build.inside.upstream import PACKAGE, RECORDED
from scripts.wheel_build.package import finish_wheel, place_binaries
from scripts.wheel_build.precompiled import prune
from scripts.wheel_build.prepare import CompileSettings, edit_recipe
from scripts.wheel_build.progress import Progress
from scripts.wheel_build.recipe import Recipe, read_recipe
from scripts.wheel_build.source import SourceTree, fetch_source, prepare_tree
from scripts.wheel_build.variables import fill_variables, op_variables, tool_variables

UPSTREAM = Path(__file__).parent / "inside" / "upstream.py"


@dataclass(frozen=True, kw_only=True)
class BuildRecord:
    """A wheel that was made, and everything it was made from."""

    target: Target
    wheel: Path
    tree: SourceTree
    ops: tuple[BuiltOp, ...]
    left_out: Mapping[str, str]
    toolchain: Toolchain
    torch: str
    setuptools: str
    arches: str | None
    cpu_level: str
    seconds: Mapping[str, float]  # step -> wall seconds
    options: BuildOptions


@dataclass(frozen=True, kw_only=True)
class Builder:
    """The knowledge, places and options that a build uses."""

    facts: Facts
    matrix: Matrix
    places: Places
    options: BuildOptions

    @property
    def cpu(self) -> CpuLevel:
        """The CPU level of the matrix."""
        return self.facts.cpu_levels[self.matrix.cpu_level]

    def select_ops(self, target: Target, gcc: Gcc | None = None) -> OpSelection:
        """The ops to build and why the others are left out.

        Raises InputError for a wanted op that the cell cannot have, PrerequisiteError for one that this host cannot.
        """
        wanted = self.options.ops or (None if self.matrix.ops == "all" else tuple(self.matrix.ops))
        supports = [choice.support for choice in available_ops(self.facts.ops, target)]
        cures = {row.header: install_line(row.libraries, self.facts.managers) for row in supports if row.header}
        absent = {header: cures[header] for header in absent_headers(gcc, cures)} if gcc else {}
        selection = choose_ops(self.facts.ops, target, wanted, absent)
        lacking = [f"{op}: {selection.left_out[op]}" for op in self.options.ops if op in selection.left_out]
        if lacking:
            raise PrerequisiteError(f"{target.id} cannot be built with {'; '.join(lacking)}")
        return selection

    def variables(self, target: Target, selection: OpSelection, context: Context, toolkit: str = "") -> dict[str, str]:
        """The variables that upstream's setup.py and the compilers see, in the `context` of cell and toolchain."""
        arches = self.matrix.arches.get(target.cuda)
        rows = fill_variables(self.facts.variables, target, context, toolkit=toolkit, arches=arches)
        return {**rows, **op_variables(selection)}

    def upstream_command(
        self, work: PurePath, python: PurePath, script: PurePath, variables: Mapping[str, str]
    ) -> Command:
        """Upstream's setup.py: it writes down what it would compile, and packages when told to."""
        folders = (str(work / "record.json"), str(work / "recorded"), str(work / "dist"))
        argv = (str(python), str(script), *folders, ",".join(self.cpu.cpuinfo_flags))
        return Command(argv=argv, cwd=work / "source", env={**variables, "PYTHONPATH": str(work / "source")})

    def check_host(self, target: Target) -> HostCompiler:
        """The host compiler; raises PrerequisiteError or InputError for what can be known before any time is spent."""
        cuda = toolkit_version(target, self.facts, self.options.toolkit)
        host = find_host(target, self.facts, self.places.captured, cuda)
        self.select_ops(target, host.gcc)
        if host.gcc:
            include = python_include(find_interpreter(target.python) or sys.executable)
            require_python_headers(host.gcc, include, self.facts)
        check_toolchain(target, self.facts, self.matrix.context_of(target, self.facts), host, cuda)
        return host

    def build(self, target: Target, python: Path, torch: str, progress: Progress) -> BuildRecord:
        """The wheel of `target`, built with the environment of `python`.

        Raises SourceError, CompileError or PackageError; what is finished by then is kept for the next run.
        """
        seconds: dict[str, float] = {}
        cuda = toolkit_version(target, self.facts, self.options.toolkit)
        host = find_host(target, self.facts, self.places.captured, cuda)
        selection = self.select_ops(target, host.gcc)
        for op, reason in selection.left_out.items():
            progress.say(f"  {op} left out: {reason}")
        with _timed("toolchain", seconds, progress):
            toolchain = self._toolchain(target, host, progress)
        with _timed("source", seconds, progress):
            tree = self._prepare(target, progress)
        variables = self._environment(target, selection, toolchain)
        command = self.upstream_command(self.places.work(target.id), python, UPSTREAM, variables)
        dist = self.places.work(target.id) / "dist"
        shutil.rmtree(dist, ignore_errors=True)
        progress.log(command.as_shell())
        with Running(command, log=progress.log) as upstream:
            with _timed("record", seconds, progress):
                upstream.wait_for(RECORDED)
                recipe = self._recipe(target, selection, toolchain)
            with _timed("compile", seconds, progress):
                ops = self._compile(target, recipe, tree, toolchain, variables, progress)
            with _timed("package", seconds, progress):
                place_binaries(ops, tree.root, recipe.python["platform"], recipe.python["cache_tag"])
                upstream.send(PACKAGE)
                check(command, upstream.finish())
                wheel = finish_wheel(target, dist, self.facts)
        return BuildRecord(
            target=target,
            wheel=wheel,
            tree=tree,
            ops=ops,
            left_out=_left_out(selection, ops),
            toolchain=toolchain,
            torch=torch,
            setuptools=recipe.setuptools,
            arches=variables.get("TORCH_CUDA_ARCH_LIST"),
            cpu_level=self.cpu.name,
            seconds=seconds,
            options=self.options,
        )

    def discard_work(self, target: Target) -> None:
        """Remove what only a resumed build would need, and the caches' oldest entries."""
        shutil.rmtree(self.places.work(target.id), ignore_errors=True)
        prune(self.places.headers)
        OpCache(self.places.ops).prune()

    def _prepare(self, target: Target, progress: Progress) -> SourceTree:
        release = self.facts.deepspeed[target.deepspeed]
        archive = fetch_source(
            target.deepspeed,
            self.places.sources,
            kind=self.options.source,
            pinned_sdist=release.sdist_sha256,
            log=progress.say,
        )
        context = self.matrix.context_of(target, self.facts)
        patches = patches_for(self.facts.patches, {**context, "source-kind": archive.kind})
        tree = prepare_tree(archive, self.places.work(target.id) / "source", patches)
        notes = [*(f"patch {patch}" for patch in tree.patches), *tree.corrections]
        progress.say(f"  {archive.path.name} ({archive.kind}); {', '.join(notes) or 'no patch needed'}")
        return tree

    def _toolchain(self, target: Target, host: HostCompiler, progress: Progress) -> Toolchain:
        toolchain = provide_toolchain(
            target,
            self.facts,
            self.matrix.context_of(target, self.facts),
            host,
            choice=self.options.toolkit,
            cache=self.places.cache,
            arches=self.matrix.arches.get(target.cuda),
            log=progress.say,
        )
        for note in toolchain.notes:
            progress.say(f"  note: {note}")
        if toolchain.toolkit:
            progress.say(f"  CUDA {toolchain.toolkit.nvcc} ({toolchain.toolkit.source}) in {toolchain.toolkit.root}")
        return toolchain

    def _environment(self, target: Target, selection: OpSelection, toolchain: Toolchain) -> dict[str, str]:
        root = str(toolchain.toolkit.root) if toolchain.toolkit else ""
        return {**toolchain.host.variables, **self.variables(target, selection, toolchain.context, root)}

    def _recipe(self, target: Target, selection: OpSelection, toolchain: Toolchain) -> Recipe:
        modules = {choice.module: choice.name for choice in available_ops(self.facts.ops, target)}
        chosen = [choice.name for choice in selection.chosen]
        recipe = read_recipe(self.places.work(target.id) / "record.json", chosen, modules)
        commands = [unit.argv for op in recipe.ops for unit in op.units]
        require_gates(target, self.facts, {**toolchain.context, **standard_context(commands)})
        return recipe

    def _compile(
        self,
        target: Target,
        recipe: Recipe,
        tree: SourceTree,
        toolchain: Toolchain,
        variables: Mapping[str, str],
        progress: Progress,
    ) -> tuple[BuiltOp, ...]:
        supports = {choice.name: choice.support for choice in available_ops(self.facts.ops, target)}
        settings = CompileSettings(
            root=tree.root.resolve(),
            objects=self.places.work(target.id) / "objects",
            headers=self.places.headers,
            cache=OpCache(self.places.ops) if self.options.cache else None,
            jobs=self.options.jobs or default_jobs(),
            identity=self._identity(recipe, toolchain, variables),
            places={
                "source": str(tree.root.resolve()),
                "environment": recipe.python["prefix"],
                "python": recipe.python["base_prefix"],
                **toolchain.places,
            },
            system=target.system,
            edits=self.facts.flags,
            cpu=self.cpu.gcc,
            libraries={op: support.link for op, support in supports.items()},
            expected={op: support.seconds.get(target.system, 60.0) for op, support in supports.items()},
            peaks={cost.step: cost.peak_bytes for cost in self.facts.costs if cost.system == target.system},
            arches=len((self.matrix.arches.get(target.cuda) or "").split(";")),
            env=variables,
            precompile=self.options.precompile,
            deadline=time.monotonic() + 60 * self.options.minutes if self.options.minutes else None,
        )
        return Compiler(edit_recipe(recipe, settings), settings, progress).run()

    def _identity(self, recipe: Recipe, toolchain: Toolchain, variables: Mapping[str, str]) -> dict[str, Any]:
        torch = {key: recipe.torch[key] for key in ("version", "cuda", "git", "cxx11_abi")}
        python = {key: recipe.python[key] for key in ("version", "suffix", "platform")}
        tools = tool_variables(self.facts.variables, self.facts.inherited_variables, variables, os.environ)
        return {**toolchain.identity, "variables": tools, "torch": torch, "python": python, "cpu": list(self.cpu.gcc)}


def _left_out(selection: OpSelection, built: Sequence[BuiltOp]) -> dict[str, str]:
    """Why each op is not in the wheel; upstream may have added one that was not asked for."""
    names = {op.op for op in built}
    return {op: reason for op, reason in selection.left_out.items() if op not in names}


@contextmanager
def _timed(name: str, seconds: dict[str, float], progress: Progress) -> Iterator[None]:
    """A step of the build that is shown, with its wall seconds kept."""
    started = time.monotonic()
    with progress.step(name):
        yield
    seconds[name] = round(time.monotonic() - started, 2)
