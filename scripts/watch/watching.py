"""The data compared with the world, table by table, and what that means for the plan."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from scripts.command import Log, no_log
from scripts.errors import DataError
from scripts.facts.facts import Facts
from scripts.facts.load import load_facts, read_rows
from scripts.files import write_whole
from scripts.watch.consequence import Consequence, consequence
from scripts.watch.cuda_difference import cuda_difference
from scripts.watch.deepspeed_difference import SourceReader, deepspeed_difference
from scripts.watch.difference import DataDifference, edited, together
from scripts.watch.other_differences import image_difference, python_difference
from scripts.watch.torch_difference import torch_difference
from scripts.watch.upstream_answers import SourceAnswer, World
from scripts.watch.upstream_sources import ask_the_world

CPU_FLAGS = ("avx2",)  # of the processor that upstream's builders are told of


@dataclass(frozen=True, kw_only=True)
class Watching:
    """What was found."""

    difference: DataDifference
    silent: tuple[SourceAnswer[object], ...]
    consequence: Consequence | None
    problems: tuple[str, ...]  # why there is none: the edited data do not fit together
    texts: Mapping[str, str]  # data file -> its new content


def watch_world(folder: Path, matrix_file: Path, downloads: Path, log: Log = no_log) -> Watching:
    """What the rows of `folder` lack of what the world serves, and what it would mean; nothing is written.

    Raises DataError when the rows cannot be read. They need not fit together: one may name another that is gone.
    """
    facts = read_rows(folder)
    world = ask_the_world(facts, log)
    downloads.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        reader = _reader(facts, world, downloads, Path(scratch), log)
        difference = _difference(folder, facts, world, reader, log)
        texts = edited(folder, difference.additions)
        found, problems = _consequence(folder, facts, texts, matrix_file, reader, Path(scratch), log)
    return Watching(difference=difference, silent=world.silent, consequence=found, problems=problems, texts=texts)


def write_texts(folder: Path, texts: Mapping[str, str]) -> None:
    """Write the new contents of data files."""
    for name, text in texts.items():
        write_whole(folder / name, text)


def _reader(facts: Facts, world: World, downloads: Path, scratch: Path, log: Log) -> SourceReader | None:
    if world.deepspeed.value is None:
        return None
    return SourceReader(
        facts=facts,
        served=world.deepspeed.value,
        downloads=downloads,
        folder=scratch / "sources",
        log=log,
        cpu_flags=CPU_FLAGS,
    )


def _difference(folder: Path, facts: Facts, world: World, reader: SourceReader | None, log: Log) -> DataDifference:
    log("comparing")
    torch = torch_difference(facts, world, log)
    deepspeed = DataDifference()
    if reader:
        deepspeed = deepspeed_difference(facts, (folder / "deepspeed.yaml").read_text(encoding="utf-8"), reader)
    variants = {variant for row in facts.torch.values() for variant in row.cuda}
    for systems in (world.variants.value or {}).values():
        variants |= {variant for system in systems.values() for variant in system} - {"cpu"}
    linkers = [addition.toolset for addition in torch.additions if addition.toolset]
    return together(
        (
            deepspeed,
            torch,
            cuda_difference(facts, world, variants, log),
            python_difference(facts, world),
            image_difference(facts, world, linkers),
        )
    )


def _consequence(
    folder: Path,
    facts: Facts,
    texts: Mapping[str, str],
    matrix_file: Path,
    reader: SourceReader | None,
    scratch: Path,
    log: Log,
) -> tuple[Consequence | None, tuple[str, ...]]:
    log("expanding the plan with what is new")
    copy = scratch / folder.name
    shutil.copytree(folder, copy)
    write_texts(copy, texts)
    try:
        return consequence(facts, load_facts(copy), matrix_file, reader), ()
    except DataError as error:
        return None, error.problems
