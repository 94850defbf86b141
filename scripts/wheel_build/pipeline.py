"""The steps of a build over its plan: toolchain, source, capture, compile, package; each returns a value."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

from scripts.command import Log, Running, check, no_log
from scripts.dirs import Dirs
from scripts.facts.load import load_facts
from scripts.files import discard, sha256_of, tree_digest
from scripts.host import usable_processors
from scripts.toolchain.compilers import Toolchain
from scripts.toolchain.cuda.provide import provide_toolkit
from scripts.toolchain.programs import library_digests, program_digests
from scripts.wheel_build.build_lock import removing, running_builds
from scripts.wheel_build.build_plan import BuildPlan, source_kinds
from scripts.wheel_build.built_op import BuiltOp
from scripts.wheel_build.built_wheel import BuiltWheel
from scripts.wheel_build.cache import OpCache
from scripts.wheel_build.capture import UPSTREAM, captured_recipe, setup_command
from scripts.wheel_build.compile import Compiler
from scripts.wheel_build.handed_plans import seconds_to_compile
from scripts.wheel_build.inside.upstream import CAPTURED, PACKAGE
from scripts.wheel_build.object_cache import ObjectCache
from scripts.wheel_build.package import finish_wheel, place_binaries
from scripts.wheel_build.places import Places
from scripts.wheel_build.precompiled import SMALL, prune
from scripts.wheel_build.prepare import CompileSettings, edit_recipe, link_words
from scripts.wheel_build.progress import Progress
from scripts.wheel_build.provenance import provenance_of
from scripts.wheel_build.published_ops import PublishedOps, made_alike
from scripts.wheel_build.recipe import OpRecipe, Recipe
from scripts.wheel_build.replay_file import ReplayFile
from scripts.wheel_build.search_path import all_words, told_folders
from scripts.wheel_build.small_headers import PLACE, small_headers_digest
from scripts.wheel_build.source import SourceTree, fetch_source, prepare_tree, require_whole
from scripts.wheel_build.told_files import library_folders, told_files
from scripts.wheel_build.variables import read_by_compilers


def build(plan: BuildPlan, python: Path, dirs: Dirs, progress: Progress, replay: ReplayFile) -> BuiltWheel:
    """The wheel of the plan, built with the environment of `python`; what it is made from goes into the replay file.

    Raises SourceError, CompileError or PackageError; what is finished by then is kept for the next run.
    """
    seconds: dict[str, float] = {}
    for op, reason in plan.ops.why_not.items():
        progress.show(f"  {op} left out: {reason}")
    with timed("toolchain", seconds, progress):
        toolchain = provide_toolchain(plan, dirs, progress.show)
        replay.add_toolchain(plan, toolchain)
    with timed("source", seconds, progress):
        tree = note_source(plan, dirs, progress, replay)
    work = dirs.work(plan.target.id)
    command = setup_command(plan, work, python, UPSTREAM, environment_of(plan, toolchain))
    progress.log(command.as_shell())
    with Running(command, log=progress.heard) as upstream:
        with timed("record", seconds, progress):
            upstream.wait_for(CAPTURED)
            recipe = captured_recipe(plan, toolchain, work)
        with timed("compile", seconds, progress):
            ops = compile_ops(plan, toolchain, tree, recipe, dirs, progress)
        with timed("package", seconds, progress):
            place_binaries(ops, tree.root, recipe.python["platform"], recipe.python["cache_tag"])
            require_whole(tree)
            upstream.send(PACKAGE)
            check(command, upstream.finish())
            provenance = provenance_of(plan, toolchain, tree, recipe, replay.tools)
            wheel = finish_wheel(plan, ops, work / "dist", provenance)
            replay.add_wheel(wheel)
    return BuiltWheel(plan=plan, wheel=wheel, toolchain=toolchain, tree=tree, recipe=recipe, ops=ops, seconds=seconds)


def provide_toolchain(plan: BuildPlan, dirs: Dirs, log: Log) -> Toolchain:
    """The plan's toolchain, its CUDA toolkit fetched when none is here; PrerequisiteError when none is available."""
    toolchain = plan.toolchain
    if toolchain.cuda and not toolchain.toolkit:
        facts = load_facts()  # what a toolkit consists of and where it comes from: of no target in particular
        choice = plan.options.toolkit
        toolkit = provide_toolkit(
            toolchain.cuda, choice=choice, facts=facts, cache=dirs.cache, system=plan.system, log=log
        )
        toolchain = replace(toolchain, toolkit=toolkit)
        plan.gates.require({**plan.context, "toolkit-source": toolkit.source})
    if toolchain.toolkit:
        log(f"  CUDA {toolchain.toolkit.nvcc} ({toolchain.toolkit.source}) in {toolchain.toolkit.root}")
    for note in plan.notes:
        log(f"  note: {note.id}: {note}")
    return toolchain


def prepare_source(plan: BuildPlan, dirs: Dirs, log: Log) -> SourceTree:
    """DeepSpeed's source: fetched, checked, unpacked into the work directory and patched."""
    archive = fetch_source(
        plan.target.deepspeed,
        dirs.sources,
        kinds=source_kinds(plan.options),
        pinned_sdist=plan.deepspeed.sdist_sha256,
        log=log,
    )
    tree = prepare_tree(archive, dirs.work(plan.target.id) / "source", plan.patches[archive.kind], log, plan.system)
    changes = [*(f"patch {patch}" for patch in tree.patches), *tree.corrections]
    shutil.rmtree(dirs.work(plan.target.id) / "dist", ignore_errors=True)  # the wheel of a run that was stopped
    log(f"  {archive.path.name} ({archive.kind}); {', '.join(changes) or 'no patch needed'}")
    return tree


def note_source(plan: BuildPlan, dirs: Dirs, progress: Progress, replay: ReplayFile) -> SourceTree:
    """The same, noted down in the replay file."""
    tree = prepare_source(plan, dirs, progress.show)
    replay.add_source(tree)
    return tree


def environment_of(plan: BuildPlan, toolchain: Toolchain) -> dict[str, str]:
    """The variables of setup.py and the compilers with this toolchain."""
    return plan.environment(str(toolchain.toolkit.root) if toolchain.toolkit else "")


def compile_ops(
    plan: BuildPlan, toolchain: Toolchain, tree: SourceTree, recipe: Recipe, dirs: Dirs, progress: Progress
) -> tuple[BuiltOp, ...]:
    """Every op of the recipe, compiled or from the cache; see `Compiler.run` for what is raised."""
    settings = compile_settings(plan, toolchain, tree, recipe, dirs, progress.show)
    return Compiler(edit_recipe(recipe, settings), settings, progress).run()


def compile_settings(
    plan: BuildPlan, toolchain: Toolchain, tree: SourceTree, recipe: Recipe, dirs: Dirs, log: Log = no_log
) -> CompileSettings:
    """How the ops of the recipe are compiled."""
    options, variables = plan.options, environment_of(plan, toolchain)
    of_rows = {name: variables[name] for name in plan.variables}
    supports = {choice.name: choice.support for choice in plan.ops.available}
    directories, root = _directories(toolchain, tree, recipe), tree.root.resolve()
    digest = cache(tree_digest)  # the ops of a build name the same folders
    return CompileSettings(
        root=root,
        objects=dirs.work(plan.target.id) / "objects",
        headers=dirs.headers,
        cache=OpCache(dirs.ops) if options.cache else None,
        units=ObjectCache(dirs.units) if options.cache else None,
        unit_identity=_unit_identity(plan, toolchain, recipe, variables),
        jobs=options.jobs or usable_processors(),
        identity=_identity(plan, toolchain, recipe, variables),
        op_identity={op.op: _op_identity(op, directories, of_rows, root, digest) for op in recipe.ops},
        published=_published(plan, toolchain, recipe, dirs, log),
        directories=directories,
        system=plan.system,
        edits=plan.flags,
        cpu=plan.cpu.gcc,
        link_words={op: link_words(support) for op, support in supports.items()},
        expected={op: support.seconds.get(plan.system, 60.0) for op, support in supports.items()},
        peaks=plan.peaks,
        arches=len((plan.arches or "").split(";")),
        env=variables,
        torch_headers=plan.headers,
        header_pays_from=plan.header_pays_from,
        arch_rows=plan.arch_rows,
        deadline=None if (seconds := seconds_to_compile(options.minutes)) is None else time.monotonic() + seconds,
    )


def _identity(
    plan: BuildPlan, toolchain: Toolchain, recipe: Recipe, variables: Mapping[str, str]
) -> dict[str, Any]:  # what beside commands and files can change a binary
    torch = {key: recipe.torch[key] for key in ("version", "cuda", "git", "cxx11_abi")}
    python = {key: recipe.python[key] for key in ("version", "suffix", "platform")}
    units = _unit_identity(plan, toolchain, recipe, variables)
    return {**units, "torch": torch, "python": python, PLACE: small_headers_digest()}


def _directories(toolchain: Toolchain, tree: SourceTree, recipe: Recipe) -> dict[str, str]:
    """The folders of this build by the names that stand for them in keys."""
    return {
        "source": str(tree.root.resolve()),
        "environment": recipe.python["prefix"],
        "python": recipe.python["base_prefix"],
        "python-headers": recipe.python["include"],
        "torch": recipe.torch["folder"],
        PLACE: str(SMALL),
        **toolchain.directories,
    }


def _op_identity(
    op: OpRecipe,
    directories: Mapping[str, str],
    variables: Mapping[str, str],
    root: Path,
    digest: Callable[[Path], str] = tree_digest,
) -> dict[str, Any]:
    """The same of one op: what its commands start, what of the system it is linked with, and what in other folders.

    Those are the ones that a variable or an option of the caller adds, and the files that an option names: nothing else
    tells what lies there.
    """
    commands = [unit.argv for unit in op.units]
    programs = program_digests(argv[0] for argv in (*commands, op.link))
    places = Places.of({name: folder for name, folder in directories.items() if name != "python"})
    told = dict.fromkeys(chain.from_iterable(told_folders(argv, variables, root) for argv in commands))
    others = [digest(folder) for folder in told if _is_elsewhere(folder, places)]
    files = dict.fromkeys(chain.from_iterable(told_files(all_words(argv, variables), root) for argv in commands))
    files |= dict.fromkeys(told_files(op.link, root))
    own = {"folders": others} if others else {}
    own |= {"files": [sha256_of(file) for file in files]} if files else {}
    libraries = [folder for folder in library_folders(op.link) if _is_elsewhere(folder, places)]
    return {"programs": programs, "libraries": library_digests(op.link, libraries), **own}


def _is_elsewhere(folder: Path, places: Places) -> bool:
    return places.named(str(folder)) == folder.as_posix()


def _published(plan: BuildPlan, toolchain: Toolchain, recipe: Recipe, dirs: Dirs, log: Log) -> PublishedOps | None:
    wheels = made_alike(plan.published, recipe.torch["version"], toolchain.identity) if plan.options.cache else ()
    folder = dirs.work(plan.target.id) / "published"
    return PublishedOps(wheels=wheels, folder=folder, log=log) if wheels else None


def _unit_identity(
    plan: BuildPlan, toolchain: Toolchain, recipe: Recipe, variables: Mapping[str, str]
) -> dict[str, Any]:
    """What beside its command and the files that its compiler reads can change a unit's object."""
    tools = read_by_compilers(plan.compiler_variables, variables, os.environ)
    programs = program_digests(argv[0] for argv in (*recipe.compile_commands, *(op.link for op in recipe.ops)))
    return {**toolchain.identity, "programs": programs, "variables": tools, "cpu": list(plan.cpu.gcc)}


def discard_work(plan: BuildPlan, dirs: Dirs) -> None:
    """Remove what only a resumed build would need, and the caches' oldest entries."""
    discard(dirs.work(plan.target.id))
    OpCache(dirs.ops).prune()
    ObjectCache(dirs.units).prune()
    with removing(dirs):
        if not running_builds(dirs, but=plan.target.id):
            prune(dirs.headers)


@contextmanager
def timed(name: str, seconds: dict[str, float], progress: Progress) -> Iterator[None]:
    """A step of the build that is shown, with its wall seconds kept."""
    started = time.monotonic()
    with progress.step(name):
        yield
    seconds[name] = round(time.monotonic() - started, 2)
