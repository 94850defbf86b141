"""Writes scripts/data/units.txt from the pinned sdists: `python -m scripts.commands.unit_list`.

To be run after a release was added to deepspeed.yaml. Sdists and torch's headers that the cache lacks are downloaded.
What a unit reaches is read from the text of the headers, whatever #if stands around an #include.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from scripts.command import Command, check, run
from scripts.commands.answer import log_line
from scripts.commands.project import Project, open_project
from scripts.facts.arch_branches import ArchRows, arch_rows
from scripts.facts.load import load_facts
from scripts.facts.unit_histories import LISTING, Kind, ListedUnit, Units, unit_histories_text
from scripts.files import write_whole
from scripts.plan.ops import patches_for
from scripts.plan.target import Target
from scripts.portability.header_folders import headers_of
from scripts.portability.units import PROGRAM
from scripts.wheel_build.arch_groups import tells_none_apart
from scripts.wheel_build.headers import Reach, names_included, reach
from scripts.wheel_build.precompiled import HEADER, SMALL
from scripts.wheel_build.small_headers import BINDS
from scripts.wheel_build.source import fetch_source, prepare_tree

TORCH = "torch-2.15"  # whose headers, of portability.yaml
AS = {"cpu": ("2.6.0", "cpu", ""), "cuda": ("2.6.0", "cu124", "12.4")}  # torch, variant and CUDA that builders are told
CPU_FLAGS = "avx2"
LETTERS = 12  # of a digest


def make_listing(project: Project) -> dict[str, Units]:
    """The units of every release of the matrix whose sdist is pinned."""
    torch = headers_of((TORCH,), project.facts, project.dirs.portability)
    found: dict[str, Units] = {}
    for version in project.matrix.deepspeed:
        log_line(version)
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            found[version] = dict(units_of_release(version, project, torch, Path(folder)))
    return found


def units_of_release(
    version: str, project: Project, torch: Sequence[Path], folder: Path
) -> Iterator[tuple[Kind, tuple[ListedUnit, ...]]]:
    """The units of each op of a release, by accelerator."""
    pinned = project.facts.deepspeed[version].sdist_sha256
    archive = fetch_source(version, project.dirs.sources, kinds=("sdist",), pinned_sdist=pinned)
    for accelerator, (release, variant, cuda) in AS.items():
        target = Target(deepspeed=version, torch=release, cuda=variant, python="3.11", platform="linux_x86_64")
        context = {**project.matrix.context_of(target, project.facts), "source-kind": "sdist"}
        root = folder / accelerator
        prepare_tree(archive, root, patches_for(project.facts.patches, context))
        for op, described in ask_builders(root, accelerator, release, cuda).items():
            if "sources" in described:
                yield (accelerator, op), tuple(_unit(root, source, described, torch) for source in described["sources"])


def ask_builders(root: Path, accelerator: str, torch: str, cuda: str) -> Mapping[str, Any]:
    """What upstream's builders say of each op on Linux."""
    output = root / ".op-sources.json"
    words = (accelerator, torch, cuda, CPU_FLAGS, str(output), "linux")
    command = Command(argv=(sys.executable, str(PROGRAM), *words), cwd=root, env={"TORCH_CUDA_ARCH_LIST": "8.0"})
    check(command, run(command))
    found: dict[str, Any] = json.loads(output.read_text(encoding="utf-8"))
    return found


def _unit(root: Path, name: str, described: Mapping[str, Any], torch: Sequence[Path]) -> ListedUnit:
    folders = [(root / folder).resolve() for folder in described["include_dirs"]]
    source = (root / name).resolve()
    reached = reach(source, folders, root.resolve())
    content = [(path.relative_to(root.resolve()).as_posix(), path.read_bytes().hex()) for path in reached.files]
    text = json.dumps([content, described["options"]])
    digest = hashlib.sha256(text.encode()).hexdigest()[:LETTERS]
    how_far = _reach_of_unit(reached, tuple(torch))
    joins = how_far == "neither" and name.endswith(".cu") and tells_none_apart(reached, _arch_rows())
    return ListedUnit(source=name, reach="joined" if joins else how_far, digest=digest)


def _reach_of_unit(reached: Reach, torch: tuple[Path, ...]) -> str:
    found = farthest(reached.outside, torch)
    if found != "python" or HEADER not in reached.outside or any(BINDS.search(p.read_bytes()) for p in reached.files):
        return found
    smaller = (reached.outside - {HEADER}) | {*names_included(SMALL / "tensors" / HEADER)}
    return "python" if farthest(smaller, torch) == "python" else "extension"


def farthest(names: Collection[str], torch: tuple[Path, ...]) -> str:
    """How far the headers of these names reach: to Python's, to torch's alone, or to neither."""
    reached = [_reach_of(name, torch) for name in names]
    return next((reach for reach in ("python", "torch") if reach in reached), "neither")


@cache
def _arch_rows() -> ArchRows:
    facts = load_facts()
    return arch_rows(facts.arch_families, facts.arch_branches)


@cache
def _reach_of(name: str, torch: tuple[Path, ...]) -> str:
    """The same of one header; what torch's include is looked for among torch's."""
    seen: set[str] = set()
    waiting, found = [name], "neither"
    while waiting:
        one = waiting.pop()
        if one in seen:
            continue
        seen.add(one)
        if one == "Python.h":
            return "python"
        file = next((path for folder in torch if (path := folder / one).is_file()), None)
        if file:
            found = "torch"
            beside = file.parent
            for included in names_included(file):
                near = beside / included
                folder = next((folder for folder in torch if near.is_file() and near.is_relative_to(folder)), None)
                waiting.append(near.relative_to(folder).as_posix() if folder else included)
    return found


if __name__ == "__main__":
    write_whole(LISTING, unit_histories_text(make_listing(open_project())))
