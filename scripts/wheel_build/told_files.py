"""The files that the words of a command name by their path, and that no list of files read tells.

A file of specs, a plugin, a profile, a header that is included by force, an archive or a script of the linker; and the
programs that -B and -fuse-ld give g++ instead of its own.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from scripts.toolchain.programs import GCC

PATH = re.compile(r"[A-Za-z]:[\\/].*" if os.name == "nt" else r"/.*")
LINKER = "-fuse-ld="
PREFIX = "-B"  # what begins the name of a program, mostly a folder


def told_files(argv: Sequence[str], *own: Path) -> tuple[Path, ...]:
    """Those of the command, in the order of its words, but for its first word and what lies in `own` folders."""
    named = dict.fromkeys(path for path in _named(argv[1:]) if path.is_file())
    return tuple(path for path in named if not any(path.resolve().is_relative_to(folder.resolve()) for folder in own))


def library_folders(argv: Sequence[str]) -> tuple[Path, ...]:
    """The absolute folders in which -L has a link look for its libraries."""
    return tuple(Path(folder) for folder in _values(argv, "-L") if os.path.isabs(folder))  # noqa: PTH117 - a text


def _named(words: Sequence[str]) -> Iterator[Path]:
    for word in words:
        for part in dict.fromkeys([*word.split(","), *word.split("=")]):
            if found := PATH.search(part):
                yield Path(found[0])
    for prefix in _values(words, PREFIX):
        for program in (*GCC, *(f"ld.{name}" for name in _linkers(words))):
            yield from (Path(prefix + program), Path(prefix) / program)
    yield from (Path(path) for name in _linkers(words) if (path := shutil.which(f"ld.{name}")))


def _linkers(words: Sequence[str]) -> list[str]:
    return [word[len(LINKER) :] for word in words if word.startswith(LINKER)]


def _values(words: Sequence[str], option: str) -> Iterator[str]:
    """What stands behind an option of one letter, in its word or in the next one."""
    for place, word in enumerate(words):
        if word == option:
            yield from words[place + 1 : place + 2]
        elif word.startswith(option):
            yield word[len(option) :]
