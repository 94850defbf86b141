"""Command lines as people mistype them: options of every task with odd values, in one process.

Nothing is started or reached: no program can be started and no connection made, as on a bare machine without network.
Nobody waits before another try, which nothing would change: `invoke watch` asks seven pages three times each.
"""

from __future__ import annotations

import contextlib
import io
import os
import random
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from invoke.collection import Collection
from invoke.loader import FilesystemLoader
from invoke.program import Program
from invoke.tasks import Task

from bench.faults.mutations import ODD_TEXTS
from bench.faults.part import Case, LostError, Part, ends_well
from scripts.commands.command_task import CommandTask
from scripts.dirs import CACHE_VARIABLE, CHECKOUT, OUTPUT_VARIABLE
from scripts.fetch import download
from scripts.options import Option

ENDLESS = ("test", "lint", "bench")  # of whoever works on these tools; they start programs and nothing else
USUAL = (
    "0.19.8",
    "2.13",
    "cu124",
    "3.11",
    "linux",
    "win_amd64",
    "1/2",
    "-",
    ".",
    "x.json",
    "github:someone/wheels",
    "dir:x",
    "full",
)
VALUES = (*USUAL, *(text for text in ODD_TEXTS if "/" not in text and "\\" not in text and "\0" not in text))


@contextmanager
def _lines(folder: Path) -> Iterator[Case]:
    tasks = FilesystemLoader(start=str(CHECKOUT)).load("tasks")[0]
    collection = Collection.from_module(tasks)
    known = [task for name, task in sorted(collection.tasks.items()) if name not in ENDLESS]
    program = Program(namespace=collection, version="0")
    own = {CACHE_VARIABLE: str(folder / "cache"), OUTPUT_VARIABLE: str(folder / "output")}
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "DEEPSPEED_WHEELS_"))}

    def case(index: int, chance: random.Random) -> None:
        line = make_line(known, chance)
        said = io.StringIO()
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(said):
            ends_well(lambda: program.run(["invoke", *line]))
        if "Traceback" in said.getvalue():
            raise LostError(f"traceback: {said.getvalue()[-300:]}")

    refused = patch.object(socket.socket, "connect", side_effect=OSError(111, "Connection refused"))
    absent = patch.object(subprocess, "Popen", side_effect=FileNotFoundError(2, "No such file or directory"))
    at_once = patch.object(download, "PAUSES", (0.0,) * len(download.PAUSES))
    with patch.dict(os.environ, {**kept, **own}, clear=True), working_in(folder), refused, absent, at_once:
        yield case


@contextmanager
def working_in(folder: Path) -> Iterator[None]:
    """The folder is this process's own during the block."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def make_line(tasks: list[Task[Any]], chance: random.Random) -> list[str]:
    """The words of a task with some of its options; with --dry-run where there is one, mostly."""
    task = chance.choice(tasks)
    options = list(task.options) if isinstance(task, CommandTask) else []
    words = [task.name]
    for option in chance.sample(options, min(len(options), chance.choice([0, 1, 1, 2, 3]))):
        words += _words_of(option, chance)
    if chance.random() < 0.1:
        words.insert(chance.randrange(1, len(words) + 1), chance.choice(VALUES) or "--")
    return words


def _words_of(option: Option, chance: random.Random) -> list[str]:
    flag = chance.choice([f"--{name.replace('_', '-')}" for name in option.names])
    if option.kind is bool and chance.random() < 0.9:
        return [flag]
    value = chance.choice([*option.stated.choices, *VALUES])
    return [f"{flag}={value}"] if chance.random() < 0.5 else [flag, value]


LINES = Part(name="command-lines", what="a task with odd options", cases=500, seconds=60, place=_lines)
