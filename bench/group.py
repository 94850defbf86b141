"""A group of targets against the sum of single builds, each from empty caches: `python -m bench.group [--part cuda]`.

Both sides run `invoke build` as a hosted job does, and download torch and the toolkit as often as that has to. Printed:
processor and wall seconds of every single build, of the group, their ratio, and whether the wheels are the same bytes.
Nothing here is asserted by time; a person reads the ratio.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.cost import Cost
from scripts.commands.project import open_project
from scripts.dirs import CACHE_VARIABLE, CHECKOUT, OUTPUT_VARIABLE, default_dirs
from scripts.files import sha256_of
from scripts.plan.build_order import in_build_order, newest_first
from scripts.plan.selection import Selection
from scripts.plan.target import Target
from scripts.wheel_build.source import fetch_source

PARTS: Mapping[str, tuple[Selection, str]] = {  # targets, and which ops; none named: all
    "cpu": (
        Selection(deepspeed=("0.19.8", "0.19.7"), torch=("2.13",), cuda=("cpu",), platform=("linux_x86_64",)),
        "",
    ),
    "cuda": (
        Selection(deepspeed=("0.19.8",), torch=("2.11",), cuda=("cu130",), platform=("linux_x86_64",)),
        "fused_adam,quantizer,cpu_adam",
    ),
}


@dataclass(frozen=True, kw_only=True)
class Spent:
    """What a side took, and the digests of its wheels by name."""

    processor: float
    wall: float
    wheels: Mapping[str, str]
    steps: Mapping[str, Mapping[str, float]]  # wheel -> step -> seconds


def build(targets: Sequence[Target], words: Sequence[str], folder: Path) -> Spent:
    """`invoke build` of the targets with caches and wheels in the folder, which is new."""
    _give_sources(targets, folder / "cache" / "sources")
    places = {CACHE_VARIABLE: "cache", OUTPUT_VARIABLE: "out", "UV_CACHE_DIR": "uv"}
    env = {**os.environ, **{name: str(folder / below) for name, below in places.items()}}
    env.pop("PYTHONDONTWRITEBYTECODE", None)  # else every process compiles torch's modules for itself
    ids = ",".join(target.id for target in targets)
    argv = [sys.executable, "-m", "invoke", "build", "--id", ids, "--verify", "hosted", "--tidy", "--again", *words]
    begun = Cost.now()
    ended = subprocess.run(argv, cwd=CHECKOUT, env=env, stdout=sys.stderr, check=False)
    cost = Cost.now() - begun
    if ended.returncode:
        raise SystemExit(f"{ids}: ended with {ended.returncode}; its output above says why")
    shutil.rmtree(folder / "uv", ignore_errors=True)
    wheels = sorted((folder / "out" / "wheels").rglob("*.whl"))
    manifests = {wheel.name: json.loads(wheel.with_name(f"{wheel.name}.json").read_bytes()) for wheel in wheels}
    return Spent(
        processor=cost.processor,
        wall=cost.wall,
        wheels={wheel.name: sha256_of(wheel) for wheel in wheels},
        steps={name: manifest["seconds"] for name, manifest in manifests.items()},
    )


def _give_sources(targets: Sequence[Target], to: Path) -> None:
    """The sdists, whose download is part of neither side."""
    to.mkdir(parents=True)
    facts = open_project().facts
    for version in {target.deepspeed for target in targets}:
        pinned = facts.deepspeed[version].sdist_sha256
        archive = fetch_source(version, default_dirs().sources, kinds=("sdist",), pinned_sdist=pinned)
        for file in archive.path.parent.glob(f"{archive.path.name}*"):
            shutil.copy(file, to / file.name)


def main(words: Sequence[str] | None = None) -> None:
    """Build one by one, then together, and print both."""
    parser = argparse.ArgumentParser(prog="bench.group")
    parser.add_argument("--part", choices=tuple(PARTS), default="cpu")
    parser.add_argument("--py", default="3.11,3.12", help="the Pythons, separated by commas")
    parser.add_argument("--ops", default="", help="only these ops, separated by commas")
    parser.add_argument("--torch", default="", help="another torch than the part's, such as 2.11")
    parser.add_argument("--cuda", default="", help="another CUDA than the part's, such as cu130")
    given = parser.parse_args(words)
    selection, ops = PARTS[given.part]
    other = {axis: (value,) for axis in ("torch", "cuda") if (value := getattr(given, axis))}
    selection = replace(selection, **other)
    options = ("--ops", given.ops or ops) if given.ops or ops else ()
    options = options if selection.cuda == ("cpu",) else (*options, "--toolkit", "pip")
    chosen = [planned.target for planned in open_project().select(selection).targets]
    targets = in_build_order(newest_first(one for one in chosen if one.python in given.py.split(",")))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        singles = {target.id: build([target], options, folder / target.id) for target in targets}
        group = build(targets, options, folder / "group")
    _print(singles, group)


def _print(singles: Mapping[str, Spent], group: Spent) -> None:
    alone = {name: digest for spent in singles.values() for name, digest in spent.wheels.items()}
    processor, wall = (sum(getattr(one, kind) for one in singles.values()) for kind in ("processor", "wall"))
    for name, spent in singles.items():
        print(f"{name:50} {spent.processor:8.1f} CPU s {spent.wall:8.1f} s")
    print(f"{'one by one':50} {processor:8.1f} CPU s {wall:8.1f} s")
    print(f"{'together':50} {group.processor:8.1f} CPU s {group.wall:8.1f} s")
    print(f"{'ratio':50} {group.processor / processor:8.3f}       {group.wall / wall:8.3f}")
    print(f"{'the same bytes':50} {alone == group.wheels}")
    figures = {
        "processor": [processor, group.processor],
        "wall": [wall, group.wall],
        "same_bytes": alone == group.wheels,
        "steps": {"one by one": [spent.steps for spent in singles.values()], "together": group.steps},
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
