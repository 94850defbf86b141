"""One step of a build, as the lines of a dry run call it: `python -m scripts.commands.build_step STEP ID [OPTION...]`.

The steps of a target run in order: plan, toolchain, source, compile, package, file. What each found is kept in the
target's work directory for the next one.
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from scripts.commands.answer import log_line
from scripts.commands.project import open_project
from scripts.commands.project_planner import planner_of
from scripts.commands.reported_errors import reported
from scripts.dirs import Dirs, default_dirs
from scripts.errors import InputError
from scripts.fetch.installer import environment_python, find_installer
from scripts.files import write_whole
from scripts.options import parse_words
from scripts.plan.target import parse_id
from scripts.stamp import is_as_stamped, stamp_file
from scripts.toolchain.compilers import Toolchain
from scripts.verify.check import Report
from scripts.wheel_build.build_environment import assert_torch
from scripts.wheel_build.build_lock import building
from scripts.wheel_build.build_options import BuildOptions
from scripts.wheel_build.build_plan import BuildPlan
from scripts.wheel_build.built_op import BuiltOp
from scripts.wheel_build.built_wheel import BuiltWheel
from scripts.wheel_build.capture import captured_recipe
from scripts.wheel_build.package import finish_wheel, place_binaries
from scripts.wheel_build.pipeline import compile_ops, prepare_source, provide_toolchain, timed
from scripts.wheel_build.preflight import require_disks
from scripts.wheel_build.produce import file_wheel, report_on
from scripts.wheel_build.progress import Progress
from scripts.wheel_build.provenance import provenance_of
from scripts.wheel_build.recipe import Recipe
from scripts.wheel_build.replay_file import commit_here, tools_as
from scripts.wheel_build.source import SourceTree

KEPT = "steps.pickle"


@dataclass
class Unfinished:
    """A build as far as it is."""

    plan: BuildPlan
    dirs: Dirs
    toolchain: Toolchain
    tree: SourceTree | None = None
    recipe: Recipe | None = None
    ops: tuple[BuiltOp, ...] = ()
    wheel: Path | None = None
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def work(self) -> Path:
        """Its work directory."""
        return self.dirs.work(self.plan.target.id)

    def as_built(self) -> BuiltWheel:
        """The build when its wheel is made; InputError before that."""
        if not (self.tree and self.recipe and self.wheel):
            raise InputError(
                f"{self.plan.target.id}: the step package has not run; run the lines before this one", id="step-not-run"
            )
        return BuiltWheel(
            plan=self.plan,
            wheel=self.wheel,
            toolchain=self.toolchain,
            tree=self.tree,
            recipe=self.recipe,
            ops=self.ops,
            seconds=self.seconds,
        )


def begin(target_id: str, words: Sequence[str]) -> Unfinished:
    """A build of the target on this machine, with the options in `words`, that has done nothing yet."""
    planner = planner_of(open_project(), parse_words(BuildOptions, words))
    plan = planner.here(parse_id(target_id))
    return Unfinished(plan=plan, dirs=planner.dirs, toolchain=plan.toolchain)


def toolchain(unfinished: Unfinished, progress: Progress) -> None:
    """Fetch the CUDA toolkit when it is not here."""
    unfinished.toolchain = provide_toolchain(unfinished.plan, unfinished.dirs, progress.show)


def source(unfinished: Unfinished, progress: Progress) -> None:
    """Fetch, check, unpack and patch DeepSpeed's source."""
    assert_torch(environment_python(unfinished.work / "environment"), unfinished.plan.target)
    unfinished.tree = prepare_source(unfinished.plan, unfinished.dirs, progress.show)


def compile_captured(unfinished: Unfinished, progress: Progress) -> None:
    """Compile the captured commands and put the binaries where upstream packages them."""
    plan, tree = unfinished.plan, unfinished.tree
    if tree is None:
        raise InputError(
            f"{plan.target.id}: the step source has not run; run the lines before this one", id="step-not-run"
        )
    recipe = captured_recipe(plan, unfinished.toolchain, unfinished.work)
    unfinished.ops = compile_ops(plan, unfinished.toolchain, tree, recipe, unfinished.dirs, progress)
    unfinished.recipe = recipe
    place_binaries(unfinished.ops, tree.root, recipe.python["platform"], recipe.python["cache_tag"])


def package(unfinished: Unfinished, progress: Progress) -> None:
    """Rewrite the wheel that upstream packaged, and lay it where the next line installs it from."""
    plan, tree, recipe = unfinished.plan, unfinished.tree, unfinished.recipe
    if not (tree and recipe):
        raise InputError(
            f"{plan.target.id}: the step compile has not run; run the lines before this one", id="step-not-run"
        )
    provenance = provenance_of(plan, unfinished.toolchain, tree, recipe, tools_as(*commit_here()))
    wheel = finish_wheel(plan, unfinished.ops, unfinished.work / "dist", provenance)
    unfinished.wheel = wheel
    known = wheel.with_name(plan.target.wheel_name)  # before it is known what its code asks for
    if known != wheel:
        write_whole(known, wheel)


def file(unfinished: Unfinished, progress: Progress) -> None:
    """Verify the wheel, and file it with its manifest."""
    built = unfinished.as_built()
    file_wheel(built, _verified(built, unfinished, progress), unfinished.dirs, progress)


STEPS: Mapping[str, Callable[[Unfinished, Progress], None]] = {
    "toolchain": toolchain,
    "source": source,
    "compile": compile_captured,
    "package": package,
    "file": file,
}


def main(words: Sequence[str]) -> None:
    """Run one step and keep what it found."""
    if len(words) < 2 or words[0] not in {"plan", *STEPS}:
        raise InputError(
            f"give a step, one of plan, {', '.join(STEPS)}, and the id of a target", id="value-not-accepted"
        )
    name, target_id, *options = words
    kept = default_dirs().work(target_id) / KEPT
    with building(target_id, default_dirs(), log=log_line):
        if name == "plan":
            unfinished = begin(target_id, options)
            require_disks([unfinished.plan], unfinished.dirs, find_installer())
            kept.parent.mkdir(parents=True, exist_ok=True)
        else:
            unfinished = _read(kept)
            _run(name, unfinished)
        if kept.parent.is_dir():  # a filed wheel needs it no more
            write_whole(kept, pickle.dumps(unfinished))
            stamp_file(kept)


def _run(name: str, unfinished: Unfinished) -> None:
    log = unfinished.dirs.log(unfinished.plan.target.id)
    with Progress(title=unfinished.plan.target.id, log_file=log) as progress, timed(name, unfinished.seconds, progress):
        STEPS[name](unfinished, progress)


def _read(kept: Path) -> Unfinished:
    reason = "is damaged" if kept.exists() else "is not there"
    if is_as_stamped(kept):
        try:
            found: Unfinished = pickle.loads(kept.read_bytes())
        except (OSError, pickle.UnpicklingError, EOFError, AttributeError, ImportError) as error:
            reason = f"cannot be read ({error}); another version of these tools wrote it"
        else:
            return found
    raise InputError(f"{kept} {reason}; run the line of the step plan first", id="step-not-run")


def _verified(built: BuiltWheel, unfinished: Unfinished, progress: Progress) -> Report:
    python = environment_python(unfinished.work / "proof") if built.plan.runs_wheel else None
    return report_on(built, python, progress)


if __name__ == "__main__":
    with reported():
        main(sys.argv[1:])
