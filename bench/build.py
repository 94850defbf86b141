"""Upstream's own recipe against ours, side by side, on this machine: `python -m bench.build [--part same|next|all]`.

All sides use the same environment, torch, source and ops, and as many compilers at once as there are processors:

- upstream: `setup.py bdist_wheel`, as its README has it,
- expert: the same as who knows it would type it, with ninja and without debug information,
- ccache: the expert's with ccache, when it is installed: filled, and once more with what it then holds.

Printed: processor and wall seconds of each and of ours

- cold: nothing in any cache,
- unchanged: the same wheel once more,
- next version: the ops of 0.19.5 whose sources 0.19.4 already had, after building 0.19.4,

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
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from bench.cost import Cost
from scripts.command import Command, check, run
from scripts.commands.host_targets import host_target
from scripts.commands.project import Project, open_project
from scripts.commands.project_planner import planner_of
from scripts.dirs import Dirs, default_dirs
from scripts.fetch.installer import environment_python, find_installer
from scripts.host import usable_processors
from scripts.plan.target import Target
from scripts.wheel_build.build_environment import fill_build_environment
from scripts.wheel_build.build_options import BuildOptions
from scripts.wheel_build.pipeline import build, discard_work
from scripts.wheel_build.planner import Planner
from scripts.wheel_build.progress import Progress
from scripts.wheel_build.replay import replay_path
from scripts.wheel_build.replay_file import ReplayFile, replay_of
from scripts.wheel_build.source import SourceArchive, fetch_source, prepare_tree

SIDES = ("upstream", "expert", "ccache")
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

    def expert(self, target: Target, options: BuildOptions, *, wrapper: str = "") -> Cost:
        """What building it costs with ninja, all processors and no debug information; `wrapper` starts the compiler."""
        compiler = self.folder / f"expert-{wrapper or 'plain'}" / "g++"
        compiler.parent.mkdir(exist_ok=True)
        compiler.write_text(f'#!/bin/sh\nexec {wrapper} g++ "$@" -g0\n', encoding="utf-8")
        compiler.chmod(0o755)
        variables = {
            "DS_ENABLE_NINJA": "1",
            "MAX_JOBS": str(usable_processors()),
            "CXX": str(compiler),
            "PATH": f"{self.python.parent}{os.pathsep}{os.environ['PATH']}",
            "CCACHE_DIR": str(self.folder / "ccache"),
        }
        return self.upstream(target, options, "expert", variables)[0]

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
    figures = {**cold.named("cold"), **warm.named("unchanged")}
    figures["same_bytes"] = float(wheel.read_bytes() == again.read_bytes())
    if "upstream" in sides:
        theirs, upstream_wheel = bench.upstream(target, options, "upstream")
        figures |= {**theirs.named("upstream"), **cold.over("cold_of_upstream", theirs)}
        figures |= warm.over("unchanged_of_upstream", theirs)
        figures["size_ratio"] = wheel.stat().st_size / upstream_wheel.stat().st_size
    if "expert" in sides:
        theirs = bench.expert(target, options)
        figures |= {**theirs.named("expert"), **cold.over("cold_of_expert", theirs)}
    if "ccache" in sides and shutil.which("ccache"):
        figures |= bench.expert(target, options, wrapper="ccache").named("ccache_cold")
        filled = bench.expert(target, options, wrapper="ccache")
        figures |= {**filled.named("ccache_filled"), **warm.over("unchanged_of_ccache", filled)}
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
    parser.add_argument("--sides", default=",".join(SIDES), help="only these of upstream, expert, ccache")
    parser.add_argument("--part", choices=("same", "next", "all"), default="all", help="which comparison")
    given = parser.parse_args(words)
    project, installer = open_project(), find_installer()
    target = host_target(project)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        create = installer.create(folder / "environment", sys.executable)
        check(create, run(create))
        python = environment_python(folder / "environment")
        fill_build_environment(planner_of(project, BuildOptions()).here(target), installer, python)
        bench = Bench(project=project, folder=folder, python=python)
        ops = [op for op in given.ops.split(",") if op]
        figures = {
            **(same_version(bench, target, ops, given.sides.split(",")) if given.part != "next" else {}),
            **(next_version(bench, target) if given.part != "same" else {}),
        }
    print(f"{target.id}, ours against upstream's setup.py bdist_wheel")
    for name, value in figures.items():
        print(f"  {name:32} {value:10.3f}")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
