"""Upstream's own recipe against ours, side by side, on this machine: `python -m bench.build [--part same|next|all]`.

Both sides use the same environment, torch, source and ops. Printed: seconds and the ratio ours / upstream

- cold: nothing in any cache,
- unchanged: the same wheel once more,
- next version: the ops of 0.19.5 whose sources 0.19.4 already had, after building 0.19.4,

and the sizes of the two wheels. Nothing here is asserted by time; a person reads the ratio.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from scripts.command import Command, check, run
from scripts.commands.host_targets import host_target
from scripts.commands.project import Project, open_project
from scripts.commands.project_planner import planner_of
from scripts.dirs import Dirs, default_dirs
from scripts.fetch.installer import environment_python, find_installer
from scripts.plan.target import Target
from scripts.wheel_build.build_environment import fill_build_environment
from scripts.wheel_build.build_options import BuildOptions
from scripts.wheel_build.pipeline import build, discard_work
from scripts.wheel_build.planner import Planner
from scripts.wheel_build.progress import Progress
from scripts.wheel_build.replay import replay_path
from scripts.wheel_build.replay_file import ReplayFile, replay_of
from scripts.wheel_build.source import SourceArchive, fetch_source, prepare_tree

BEFORE, AFTER = "0.19.4", "0.19.5"
UNCHANGED = ("cpu_adam", "fused_adam", "deepspeed_shm_comm")  # sources of 0.19.4 and 0.19.5 are the same


@dataclass(frozen=True, kw_only=True)
class Bench:
    """One environment and a folder of its own for every side."""

    project: Project
    folder: Path
    python: Path

    def ours(self, target: Target, options: BuildOptions, cache: str) -> tuple[float, Path]:
        """Seconds and the wheel of our build, with the caches in `cache`."""
        dirs = Dirs(cache=self.folder / cache, wheelhouse=self.folder / "wheels", logs=self.folder / "logs")
        self._give_source(target, dirs)
        planner = Planner(facts=self.project.facts, matrix=self.project.matrix, dirs=dirs, options=options)
        started = time.monotonic()
        plan = planner.here(target)
        with Progress(title=target.id, log_file=self.folder / "logs" / f"{target.id}.log") as progress:
            replay = ReplayFile(replay_path(dirs.logs, target.id), replay_of(plan, find_installer()))
            built = build(plan, self.python, dirs, progress, replay)
        seconds = time.monotonic() - started
        kept = shutil.copy(built.wheel, self.folder / f"ours-{built.wheel.name}")
        discard_work(plan, dirs)
        return seconds, Path(kept)

    def upstream(self, target: Target, options: BuildOptions) -> tuple[float, Path]:
        """Seconds and the wheel of `setup.py bdist_wheel`, as upstream's README has it, with the same ops."""
        archive = self._source(target)
        root = prepare_tree(archive, self.folder / "upstream" / target.deepspeed, ()).root
        variables = planner_of(self.project, options).here(target).environment("")
        dist = self.folder / "upstream" / "dist"
        argv = (str(self.python), "setup.py", "bdist_wheel", "--dist-dir", str(dist))
        command = Command(argv=argv, cwd=root, env={**variables, "PYTHONPATH": str(root)})
        started = time.monotonic()
        check(command, run(command, log=_dots()))
        return time.monotonic() - started, next(iter(dist.glob("*.whl")))

    def _source(self, target: Target) -> SourceArchive:
        pinned = self.project.facts.deepspeed[target.deepspeed].sdist_sha256
        return fetch_source(target.deepspeed, default_dirs().sources, pinned_sdist=pinned)

    def _give_source(self, target: Target, dirs: Dirs) -> None:
        """The download is not part of either side."""
        archive = self._source(target)
        dirs.sources.mkdir(parents=True, exist_ok=True)
        for file in archive.path.parent.glob(f"deepspeed-{target.deepspeed}*"):
            shutil.copy(file, dirs.sources / file.name)


def same_version(bench: Bench, target: Target, ops: Sequence[str]) -> Mapping[str, float]:
    """The seconds, bytes and ratios of building `target` cold, and once more."""
    options = BuildOptions(ops=tuple(ops))
    cold, wheel = bench.ours(target, options, "cold")
    warm, again = bench.ours(target, options, "cold")
    theirs, upstream_wheel = bench.upstream(target, options)
    return {
        "upstream_seconds": theirs,
        "cold_seconds": cold,
        "unchanged_seconds": warm,
        "cold_ratio": cold / theirs,
        "unchanged_ratio": warm / theirs,
        "same_bytes": float(wheel.read_bytes() == again.read_bytes()),
        "size_ratio": wheel.stat().st_size / upstream_wheel.stat().st_size,
    }


def next_version(bench: Bench, target: Target) -> Mapping[str, float]:
    """The seconds and ratio of building a release whose op sources the one before already had."""
    options = BuildOptions(ops=UNCHANGED)
    before, after = (replace(target, deepspeed=version) for version in (BEFORE, AFTER))
    bench.ours(before, options, "next")
    ours, _ = bench.ours(after, options, "next")
    theirs, _ = bench.upstream(after, options)
    return {"next_upstream_seconds": theirs, "next_seconds": ours, "next_ratio": ours / theirs}


def _dots() -> Callable[[str], None]:
    return lambda line: print(f"  upstream: {line[:140]}", file=sys.stderr) if line.startswith("building '") else None


def main(words: Sequence[str] | None = None) -> None:
    """Run the comparison and print it, as a table and as JSON."""
    parser = argparse.ArgumentParser(prog="bench.build")
    parser.add_argument("--ops", default="", help="only these ops, separated by commas")
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
            **(same_version(bench, target, ops) if given.part != "next" else {}),
            **(next_version(bench, target) if given.part != "same" else {}),
        }
    print(f"{target.id}, ours against upstream's setup.py bdist_wheel")
    for name, value in figures.items():
        print(f"  {name:22} {value:10.3f}")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
