"""What sharing compiled units spares, and that what is shared is the same: `python -m bench.matrix [--part model]`.

- model: processor hours of compiling the whole plan, by the recorded closures (scripts/data/units.txt) and the seconds
  of the facts: target by target; with one key for each op, as at first (torch's and Python's whole version in it); with
  the keys of units within one platform, CUDA and torch; and shared wherever a unit reaches the same.
- sample: units of real releases, their commands recorded by upstream's own setup.py, compiled for two Pythons, two
  patch releases of torch and two DeepSpeeds. Each is compiled one way and looked up for the other, and then compiled
  there, too. Printed: whether it was found, and whether the bytes are the same. Found and other bytes ends with 1.

Nothing here is asserted by time. Headers of both torches and an environment with this host's torch are downloaded.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.cost import Cost
from bench.made_environment import made_environment
from scripts.command import Command, Running, check, run
from scripts.commands.host_targets import host_target
from scripts.commands.project import Project, open_project
from scripts.commands.project_planner import planner_of
from scripts.facts.unit_histories import units_of
from scripts.host import find_interpreter, python_include
from scripts.plan.forecast import Forecast
from scripts.plan.target import Target
from scripts.portability.header_folders import headers_of
from scripts.toolchain.compilers import Toolchain
from scripts.wheel_build.build_options import BuildOptions
from scripts.wheel_build.capture import UPSTREAM, captured_recipe, setup_command
from scripts.wheel_build.inside.upstream import CAPTURED
from scripts.wheel_build.object_cache import ObjectCache
from scripts.wheel_build.pipeline import compile_settings, environment_of, prepare_source
from scripts.wheel_build.prepare import CompileSettings, edit_recipe
from scripts.wheel_build.recipe import Recipe, Unit
from scripts.wheel_build.unit_objects import UnitObjects, listing

TORCH = ("torch-2.9.0", "torch-2.9.1")  # rows of portability.yaml
RELEASES = ("0.19.8", "0.19.7", "0.18.9")
SMALL, TENSORS, BINDING = (
    "csrc/aio/common/deepspeed_aio_utils.cpp",  # reads no header of torch or Python
    "csrc/adam/cpu_adam_impl.cpp",  # torch's alone, since it gets the smaller ones
    "csrc/adam/cpu_adam.cpp",  # and Python's
)


# ---------------------------------------------------------------- the model


def model(targets: Iterable[Target], forecast: Forecast) -> dict[str, float]:
    """Processor hours of compiling for the targets, by how it is shared.

    Each unit is counted as the rows of the ops count it, for every way alike.
    """
    forecast = replace(forecast, facts=replace(forecast.facts, unit_ratios=()), arches={}, published=())
    alone = 0.0
    ops: dict[object, float] = {}
    within: dict[object, float] = {}
    everywhere: dict[object, float] = {}
    for target in targets:
        family = (target.platform, target.cuda, target.torch)
        for op, units in units_by_op(forecast, target).items():
            alone += sum(units.values())
            ops[family, target.python, op, frozenset(units)] = sum(units.values())
            for (source, digest, python, reach), seconds in units.items():
                within[family, op, source, digest, python] = seconds
                torch = target.torch if reach not in ("neither", "joined") else ""
                everywhere[target.platform, target.cuda, torch, op, source, digest, python] = seconds
    hours = {"target by target": alone, "one key for each op": sum(ops.values())}
    hours |= {"units, within platform, CUDA and torch": sum(within.values())}
    hours |= {"units, everywhere": sum(everywhere.values())}
    return {name: seconds / 3600 for name, seconds in hours.items()}


def units_by_op(forecast: Forecast, target: Target) -> dict[str, dict[tuple[str, str, str, str], float]]:
    """Seconds of each unit: its source, digest, the Python that it is for, if for any, and how far it reaches."""
    found: dict[str, dict[tuple[str, str, str, str], float]] = defaultdict(dict)
    work = forecast.work(target)
    for (op, source, digest, python), seconds in work.items():
        reach = next(
            (one.reach for one in units_of(target.accelerator, op, target.deepspeed) if one.source == source), ""
        )
        found[op][source, digest, python, reach] = seconds
    return found


# ---------------------------------------------------------------- the sample


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """The commands of a release for CPU, recorded in one environment."""

    recipe: Recipe
    settings: CompileSettings

    def unit(self, source: str) -> Unit:
        """The unit of this source."""
        return next(unit for op in self.recipe.ops for unit in op.units if unit.source == source)


@dataclass(frozen=True, kw_only=True)
class Way:
    """One way to compile a unit: a release's commands, with another Python or other headers of torch."""

    name: str
    recorded: Recorded
    python: str  # "3.12"
    torch: Path  # its package's folder, wherever the headers are

    def settings(self, folder: Path) -> CompileSettings:
        """Those of an environment of this Python with this torch, which is made in the folder."""
        before = self.recorded.settings.directories
        environment = folder / self.name / "environment"
        package = environment / "lib" / f"python{self.python}" / "site-packages" / "torch"
        if not package.exists():
            package.parent.mkdir(parents=True, exist_ok=True)
            package.symlink_to(self.torch, target_is_directory=True)
        interpreter = find_interpreter(self.python) or sys.executable
        own = {"environment": str(environment), "torch": str(package), "python-headers": python_include(interpreter)}
        return replace(self.recorded.settings, directories={**before, **own})

    def unit(self, source: str, folder: Path) -> Unit:
        """The unit as it is compiled this way."""
        found, settings = self.recorded.unit(source), self.settings(folder)
        words = found.argv
        before = self.recorded.settings.directories
        for name in ("torch", "python-headers", "environment"):
            words = tuple(word.replace(before[name], settings.directories[name]) for word in words)
        return found.to(folder / self.name / "objects" / f"{Path(source).stem}.o", words)


def record(project: Project, target: Target, python: Path) -> Recorded:
    """The commands that upstream's setup.py gives the compilers, edited as a build edits them."""
    planner = planner_of(project, BuildOptions(source="sdist", headers="small"))
    plan = planner.here(target)
    toolchain: Toolchain = plan.toolchain
    tree, work = prepare_source(plan, planner.dirs, print), planner.dirs.work(target.id)
    command = setup_command(plan, work, python, UPSTREAM, environment_of(plan, toolchain))
    with Running(command, log=lambda line: None) as upstream:
        upstream.wait_for(CAPTURED)
        recipe = captured_recipe(plan, toolchain, work)
    settings = compile_settings(plan, toolchain, tree, recipe, planner.dirs)
    return Recorded(recipe=edit_recipe(recipe, settings), settings=settings)


def compiled(way: Way, source: str, folder: Path, cache: ObjectCache) -> bytes:
    """The object of a unit, compiled this way and kept in the cache."""
    unit, settings = way.unit(source, folder), way.settings(folder)
    unit.object.parent.mkdir(parents=True, exist_ok=True)
    objects, read = UnitObjects(cache, settings), unit.object.with_suffix(".read")
    objects.name(unit, precompiled=False)
    since = time.time_ns()
    command = Command(argv=listing(unit, read).argv, cwd=settings.root, env=settings.env)
    outcome = run(command)
    check(command, outcome)
    objects.keep(unit, read, since_ns=since, outcome=outcome)
    return unit.object.read_bytes()


def found(way: Way, source: str, folder: Path, cache: ObjectCache) -> bytes | None:
    """The object of the unit that the cache has for this way, compiled in another; None when it has none."""
    unit = way.unit(source, folder)
    objects = UnitObjects(cache, way.settings(folder))
    objects.name(unit, precompiled=False)
    return unit.object.read_bytes() if objects.take(unit) else None


def pairs(
    recorded: Mapping[str, Recorded], torch: Path, torches: Sequence[Path]
) -> Iterator[tuple[str, str, Way, Way]]:
    """What is compared: in what the two ways differ, the unit, and both."""
    newest = recorded[RELEASES[0]]
    own, other = (f"3.{minor}" for minor in (sys.version_info[1], sys.version_info[1] + 1))
    mine = Way(name="mine", recorded=newest, python=own, torch=torch)
    for source in (SMALL, TENSORS, BINDING):
        yield f"Python {own}, {other}", source, mine, replace(mine, name="python", python=other)
    one, next_one = (replace(mine, name=path.name, torch=path) for path in torches)
    for source in (SMALL, TENSORS):
        yield "torch 2.9.0, 2.9.1", source, one, next_one
    for release, source in ((RELEASES[1], TENSORS), (RELEASES[2], SMALL)):
        before = replace(mine, name=f"ds{release}", recorded=recorded[release])
        yield f"DeepSpeed {RELEASES[0]}, {release}", source, mine, before


def sample(project: Project, only: str) -> int:
    """Compile the sample and print it; how many units were found whose bytes are others."""
    wrong, target = 0, host_target(project)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        python = made_environment(project, target, folder / "environment")
        headers = (
            folder / "torch" / "include"
        )  # no file that another environment has, too: a link to it changes its time
        recorded = {each: record(project, replace(target, deepspeed=each), python) for each in RELEASES}
        shutil.copytree(Path(recorded[RELEASES[0]].settings.directories["torch"], "include"), headers)
        torches = [folder / row for row in TORCH]
        for package in torches:
            package.mkdir()
            (package / "include").symlink_to(headers_of((package.name,), project.facts, project.dirs.portability)[0])
        for number, (differing, source, one, other) in enumerate(pairs(recorded, headers.parent, torches)):
            if only and not re.search(only, f"{differing} {source}"):
                continue
            begun, place = Cost.now(), folder / str(number)
            cache = ObjectCache(place / "cache")
            first = compiled(one, source, place, cache)
            hit = found(other, source, place, cache)
            second = compiled(other, source, place, ObjectCache(place / "other-cache"))
            assert hit in (None, first), "what is found is what was compiled"
            wrong += hit is not None and hit != second
            words = ("found" if hit else "not found", "the same bytes" if first == second else "OTHER BYTES")
            spent = (Cost.now() - begun).processor
            print(f"{differing:28} {source:44} {words[0]:10} {words[1]:15} {spent:6.1f} CPU s", flush=True)
    return wrong


def main(words: Sequence[str] | None = None) -> None:
    """Print the model and the sample; ends with 1 when a unit was found whose bytes are others."""
    parser = argparse.ArgumentParser(prog="bench.matrix")
    parser.add_argument("--part", choices=("model", "sample", "all"), default="all")
    parser.add_argument("--only", default="", help="only comparisons with this in their line, a regular expression")
    given = parser.parse_args(words)
    project = open_project()
    if given.part != "sample":
        targets = [planned.target for planned in project.plan.targets]
        for name, hours in model(targets, project.forecast).items():
            print(f"{name:44} {hours:8.1f} core hours")
    if given.part != "model" and sample(project, given.only):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
