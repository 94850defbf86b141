"""Which files of the source tree a unit reaches through #include: the part of its content that is ours to hash.

Every #include is followed, whatever #if stands around it: one header too many costs a rebuild, one too few a wrong
wheel.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from scripts.wheel_build.asked_names import BY_MACRO, SPLICE

SPACE = rb"(?:[ \t]|/\*[^\n]*?\*/)*"
INCLUDE = re.compile(
    rb"^(?:\xef\xbb\xbf)?"
    + SPACE
    + rb"#[ \t]*(?:include|include_next|import)"
    + SPACE
    + rb'(?:<([^>\n]+)>|"([^"\n]+)")',
    re.MULTILINE,
)
A_MACRO = "a name that a macro has"  # which no row of headers knows


@dataclass(frozen=True, kw_only=True)
class Reach:
    """The local files a unit is made from, and the names it includes from elsewhere."""

    files: tuple[Path, ...]  # absolute, sorted, the source itself among them
    outside: frozenset[str]  # "torch/extension.h", "vector", ...


def reach(source: Path, include_dirs: Sequence[Path], root: Path) -> Reach:
    """Everything below `root` that `source` includes, directly or not, looked up as the compiler does."""
    local_dirs = [directory for directory in include_dirs if directory.is_relative_to(root)]
    seen: set[Path] = set()
    outside: set[str] = set()
    waiting = [source]
    while waiting:
        file = waiting.pop()
        if file in seen:
            continue
        seen.add(file)
        for name in names_included(file):
            found = _find(name, [file.parent, *local_dirs])
            if found and found.is_relative_to(root):
                waiting.append(found)
            else:
                outside.add(name)
    return Reach(files=tuple(sorted(seen)), outside=frozenset(outside))


def include_dirs(argv: Iterable[str], root: Path) -> list[Path]:
    """The -I and /I directories of a compile command; relative ones are below `root`."""
    directories = (word[2:] for word in argv if word.startswith(("-I", "/I")) and len(word) > 2)
    return [(root / directory).resolve() for directory in directories]


def names_included(file: Path) -> tuple[str, ...]:
    """What stands behind the file's own #includes."""
    return _includes(file, file.stat().st_mtime_ns)


@cache
def _includes(file: Path, changed: int) -> tuple[str, ...]:
    content = SPLICE.sub(b"", file.read_bytes())
    names = [(angled or quoted).decode("utf-8", "replace").strip() for angled, quoted in INCLUDE.findall(content)]
    return (*names, A_MACRO) if BY_MACRO.search(content) else tuple(names)


def _find(name: str, directories: Sequence[Path]) -> Path | None:
    candidates = (directory / name for directory in directories)
    return next((path.resolve() for path in candidates if path.is_file()), None)
