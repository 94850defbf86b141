"""Upstream's own recipe against ours, side by side, on this machine: `python -m bench.build [--part NAME]`.

All sides use the same environment, torch, source and ops, and as many compilers at once as there are processors:

- upstream: `setup.py bdist_wheel`, as its README has it,
- expert: the same as who knows it would type it, with ninja and without debug information,
- ccache, ccache-depend: the expert's with ccache, when it is installed, in its direct or its depend mode: filled, once
  more with what it then holds, and the release before with that.

Printed: processor and wall seconds of each and of ours

- cold: nothing in any cache,
- unchanged: the same wheel once more,
- objects: once more, without the cache of whole ops,
- before: the release before, with what the caches hold then,
- next version: the ops of 0.19.5 whose sources 0.19.4 already had, after building 0.19.4,
- workers, a part of its own: what the recorded compilers of the expert's and of ours take on 2 and on 16 workers,

the ratios, and the sizes of the wheels. Nothing here is asserted by time; a person reads the ratio. On a machine that
does other work, too, processor seconds are what counts.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from packaging.version import Version

from bench.cost import Cost
from bench.made_environment import made_environment
from bench.workers import Recorded, ninja_tasks, recorded_tasks, timed_compiler
from scripts.command import Command, check, run
from scripts.commands.host_targets import host_target
from scripts.commands.project import Project, open_project
from scripts.commands.project_planner import planner_of
from scripts.dirs import Dirs, default_dirs
from scripts.errors import InputError
from scripts.fetch.installer import find_installer
from scripts.host import usable_processors
from scripts.plan.target import Target
from scripts.wheel_build.build_options import BuildOptions
from scripts.wheel_build.pipeline import build, discard_work
from scripts.wheel_build.planner import Planner
from scripts.wheel_build.progress import Progress
from scripts.wheel_build.replay import replay_path
from scripts.wheel_build.replay_file import ReplayFile, replay_of
from scripts.wheel_build.source import SourceArchive, fetch_source, prepare_tree

CCACHE = {"ccache": {}, "ccache-depend": {"CCACHE_DEPEND": "1"}}  # side -> what ccache is told beside the usual
SIDES = ("upstream", "expert", *CCACHE)
PARTS = ("same", "next", "workers", "all")
BEFORE, AFTER = "0.19.4", "0.19.5"
UNCHANGED = ("cpu_adam", "fused_adam", "deepspeed_shm_comm")  # sources of 0.19.4 and 0.19.5 are the same


@dataclass(frozen=True, kw_only=True)
class Bench:
    """One environment and a folder of its own for every side."""

    project: Project
    folder: Path
    python: Path

    def ours(self, target: Target, options: BuildOptions, cache: str) -> tuple[Cost, Path]:
        """The cost and the wheel of our build, with the caches in `cache`."""
        dirs = Dirs(cache=self.folder / cache, wheelhouse=self.folder / "wheels", logs=self.folder / "logs")
        self._give_source(target, dirs)
        planner = Planner(facts=self.project.facts, matrix=self.project.matrix, dirs=dirs, options=options)
        begun = Cost.now()
        plan = planner.here(target)
        with Progress(title=target.id, log_file=self.folder / "logs" / f"{target.id}.log") as progress:
            replay = ReplayFile(replay_path(dirs.logs, target.id), replay_of(plan, find_installer()))
            built = build(plan, self.python, dirs, progress, replay)
        cost = Cost.now() - begun
        kept = shutil.copy(built.wheel, self.folder / f"ours-{built.wheel.name}")
        discard_work(plan, dirs)
        return cost, Path(kept)

    def upstream(
        self, target: Target, options: BuildOptions, side: str, added: Mapping[str, str] = MappingProxyType({})
    ) -> tuple[Cost, Path]:
        """The cost and the wheel of `setup.py bdist_wheel` with the same ops, in a tree of that side alone."""
        archive = self._source(target)
        shutil.rmtree(self.folder / side, ignore_errors=True)
        root = prepare_tree(archive, self.folder / side / target.deepspeed, ()).root
        variables = planner_of(self.project, options).here(target).environment("")
        dist = self.folder / side / "dist"
        argv = (str(self.python), "setup.py", "bdist_wheel", "--dist-dir", str(dist))
        command = Command(argv=argv, cwd=root, env={**variables, "PYTHONPATH": str(root), **added})
        begun = Cost.now()
        check(command, run(command, log=_dots(side)))
        return Cost.now() - begun, next(iter(dist.glob("*.whl")))

    def expert(self, target: Target, options: BuildOptions, side: str = "expert") -> Cost:
        """What building it costs with ninja, all processors and no debug information; with ccache on its sides."""
        compiler = self.folder / f"{side}-bin" / "g++"
        compiler.parent.mkdir(exist_ok=True)
        wrapper = "ccache " if side in CCACHE else ""
        compiler.write_text(f'#!/bin/sh\nexec {wrapper}g++ "$@" -g0\n', encoding="utf-8")
        compiler.chmod(0o755)
        variables = {
            **CCACHE.get(side, {}),
            "DS_ENABLE_NINJA": "1",
            "MAX_JOBS": str(usable_processors()),
            "CXX": str(compiler),
            "PATH": f"{self.python.parent}{os.pathsep}{os.environ['PATH']}",
            "CCACHE_DIR": str(self.folder / f"{side}-cache"),
            "CCACHE_BASEDIR": str(self.folder),  # in the tree of another release the same names lie in other folders
            "CCACHE_NOHASHDIR": "1",
        }
        return self.upstream(target, options, side, variables)[0]

    def recorded_expert(self, target: Target, options: BuildOptions) -> Recorded:
        """What each compiler of the expert's takes, and all of it, one after the other."""
        compiler, log = self.folder / "recorded-bin" / "g++", self.folder / "recorded-bin" / "log"
        timed_compiler(compiler, shutil.which("g++") or "g++", log)
        variables = {
            "DS_ENABLE_NINJA": "1",
            "MAX_JOBS": "1",
            "CXX": str(compiler),
            "PATH": f"{self.python.parent}{os.pathsep}{os.environ['PATH']}",
        }
        cost, _ = self.upstream(target, options, "recorded", variables)
        return replace(ninja_tasks(log.read_text(encoding="utf-8")), whole=cost.processor)

    def recorded_ours(self, target: Target, options: BuildOptions) -> Recorded:
        """The same of ours, from an empty cache."""
        recorded = Recorded()
        with recorded_tasks(recorded):
            recorded.whole = self.ours(target, options, f"recorded-{options.headers}")[0].processor
        return recorded

    def before(self, target: Target, options: BuildOptions) -> Target:
        """The same target of the newest DeepSpeed release before that has these ops, too."""
        planner, own = planner_of(self.project, options), Version(target.deepspeed)
        for release in sorted(filter(own.__gt__, map(Version, self.project.facts.deepspeed)), reverse=True):
            other = replace(target, deepspeed=str(release))
            with suppress(InputError):
                planner.here(other)
                return other
        raise InputError(f"no release before {own} has all of {', '.join(options.ops)}", id="op-not-available")

    def _source(self, target: Target) -> SourceArchive:
        pinned = self.project.facts.deepspeed[target.deepspeed].sdist_sha256
        return fetch_source(target.deepspeed, default_dirs().sources, pinned_sdist=pinned)

    def _give_source(self, target: Target, dirs: Dirs) -> None:
        """The download is not part of either side."""
        archive = self._source(target)
        dirs.sources.mkdir(parents=True, exist_ok=True)
        for file in archive.path.parent.glob(f"deepspeed-{target.deepspeed}*"):
            shutil.copy(file, dirs.sources / file.name)


def same_version(bench: Bench, target: Target, ops: Sequence[str], sides: Sequence[str]) -> Mapping[str, float]:
    """The cost, bytes and ratios of building `target` cold, and once more."""
    options = BuildOptions(ops=tuple(ops))
    cold, wheel = bench.ours(target, options, "cold")
    warm, again = bench.ours(target, options, "cold")
    shutil.rmtree(bench.folder / "cold" / "ops")
    objects, _ = bench.ours(target, options, "cold")
    earlier = bench.before(target, options)
    before, _ = bench.ours(earlier, options, "cold")
    figures = {**cold.named("cold"), **warm.named("unchanged"), **objects.named("objects"), **before.named("before")}
    figures["same_bytes"] = float(wheel.read_bytes() == again.read_bytes())
    if "upstream" in sides:
        theirs, upstream_wheel = bench.upstream(target, options, "upstream")
        figures |= {**theirs.named("upstream"), **cold.over("cold_of_upstream", theirs)}
        figures |= warm.over("unchanged_of_upstream", theirs)
        figures["size_ratio"] = wheel.stat().st_size / upstream_wheel.stat().st_size
    if "expert" in sides:
        theirs = bench.expert(target, options)
        figures |= {**theirs.named("expert"), **cold.over("cold_of_expert", theirs)}
    for side in (side for side in CCACHE if side in sides and shutil.which("ccache")):
        name = side.replace("-", "_")
        figures |= bench.expert(target, options, side).named(f"{name}_cold")
        filled = bench.expert(target, options, side)
        figures |= {**filled.named(f"{name}_filled"), **warm.over(f"unchanged_of_{name}", filled)}
        theirs = bench.expert(earlier, options, side)
        figures |= {**theirs.named(f"{name}_before"), **before.over(f"before_of_{name}", theirs)}
    return figures


def on_workers(bench: Bench, target: Target, ops: Sequence[str], workers: Sequence[int]) -> Mapping[str, float]:
    """The seconds to the wheel that the recorded compilers take on so many workers, and the ratios."""
    options = BuildOptions(ops=tuple(ops))
    theirs = bench.recorded_expert(target, options)
    ours = {name: bench.recorded_ours(target, replace(options, headers=name)) for name in ("precompiled", "small")}
    figures = {"expert_processor": theirs.whole, **{f"{name}_processor": one.whole for name, one in ours.items()}}
    for number in workers:
        figures[f"expert_on_{number}"] = theirs.on(number)
        for name, one in ours.items():
            figures[f"{name}_on_{number}"] = one.on(number)
            figures[f"{name}_of_expert_on_{number}"] = one.on(number) / theirs.on(number)
    return figures


def next_version(bench: Bench, target: Target) -> Mapping[str, float]:
    """The seconds and ratio of building a release whose op sources the one before already had."""
    options = BuildOptions(ops=UNCHANGED)
    before, after = (replace(target, deepspeed=version) for version in (BEFORE, AFTER))
    bench.ours(before, options, "next")
    ours, _ = bench.ours(after, options, "next")
    theirs, _ = bench.upstream(after, options, "next-upstream")
    return {**theirs.named("next_upstream"), **ours.named("next"), **ours.over("next_of_upstream", theirs)}


def _dots(side: str) -> Callable[[str], None]:
    return lambda line: print(f"  {side}: {line[:140]}", file=sys.stderr) if line.startswith("building '") else None


def main(words: Sequence[str] | None = None) -> None:
    """Run the comparison and print it, as a table and as JSON."""
    parser = argparse.ArgumentParser(prog="bench.build")
    parser.add_argument("--ops", default="", help="only these ops, separated by commas")
    parser.add_argument("--sides", default=",".join(SIDES), help=f"only these of {', '.join(SIDES)}")
    parser.add_argument("--part", choices=PARTS, default="all", help="which comparison; all: the first two")
    parser.add_argument("--workers", default="2,16", help="of the part workers: how many, separated by commas")
    given = parser.parse_args(words)
    project = open_project()
    target = host_target(project)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        python = made_environment(project, target, folder / "environment")
        bench = Bench(project=project, folder=folder, python=python)
        ops = [op for op in given.ops.split(",") if op]
        figures: dict[str, float] = {}
        if given.part in ("same", "all"):
            figures |= same_version(bench, target, ops, given.sides.split(","))
        if given.part in ("next", "all"):
            figures |= next_version(bench, target)
        if given.part == "workers":
            figures |= on_workers(bench, target, ops, [int(number) for number in given.workers.split(",")])
    print(f"{target.id}, ours against upstream's setup.py bdist_wheel")
    for name, value in figures.items():
        print(f"  {name:32} {value:10.3f}")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
