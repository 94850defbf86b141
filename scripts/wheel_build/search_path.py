"""Which folders a compiler searches for headers: those of its command, of its variables, and its own."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from scripts.command import ask

OPTIONS = ("-iquote", "-isystem", "-idirafter", "-external:I", "/external:I", "-I", "/I")
VARIABLES = ("CPATH", "CPLUS_INCLUDE_PATH", "C_INCLUDE_PATH", "INCLUDE", "EXTERNAL_INCLUDE")
OWN = re.compile(r"^ (/.*)$", re.MULTILINE)  # how GCC lists them, a line each


def searched_folders(argv: Sequence[str], variables: Mapping[str, str], root: Path) -> tuple[Path, ...]:
    """The folders that the command searches, run in `root` with these variables beside the caller's."""
    environment = {**os.environ, **variables}
    of_variables = [folder for name in VARIABLES for folder in environment.get(name, "").split(os.pathsep) if folder]
    found = [root / folder for folder in (*_of_command(argv), *of_variables)]
    return tuple(dict.fromkeys([*found, *own_folders(_host_compiler(argv)), *_of_toolkit(argv[0])]))


@cache
def own_folders(compiler: str) -> tuple[Path, ...]:
    """The folders that g++ searches by itself; none for a compiler that is not asked so."""
    if not compiler:
        return ()
    answer = ask([compiler, "-E", "-v", "-x", "c++", os.devnull, "-o", os.devnull], env={**os.environ, "LC_ALL": "C"})
    _, _, listed = answer.errors.partition("search starts here")
    return tuple(Path(folder) for folder in OWN.findall(listed.partition("End of search list")[0]))


def _of_command(argv: Sequence[str]) -> Iterator[str]:
    for place, word in enumerate(argv):
        for option in OPTIONS:
            if word == option:
                yield from argv[place + 1 : place + 2]
                break
            if word.startswith(option):
                yield word[len(option) :].removeprefix("=")
                break


def _host_compiler(argv: Sequence[str]) -> str:
    """The g++ that reads the headers: the command's own, or the one that nvcc is told to use."""
    name = Path(argv[0]).name
    if name == "nvcc":
        return next((word.partition("=")[2] for word in argv if word.startswith("-ccbin=")), "g++")
    return argv[0] if "g++" in name or "c++" in name else ""


def _of_toolkit(compiler: str) -> list[Path]:
    """Where nvcc looks by itself (its nvcc.profile; from 13.0 on in `cccl`, too)."""
    path = Path(compiler)
    if path.stem.lower() != "nvcc":
        return []
    root = path.parent.parent
    own = (root / "include", *sorted(root.glob("targets/*/include")))
    return [folder for each in own for folder in (each, each / "cccl") if folder.is_dir()]
