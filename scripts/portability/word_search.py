"""What the front end lets pass and cl refuses, found by its words: in the sources, and in the options."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from scripts.facts.portability_rows import ForeignWord
from scripts.portability.units import SourceUnit

COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"", re.DOTALL)  # texts, too
HEADERS = (".h", ".hpp", ".cuh")


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Something that cl would not compile."""

    place: str  # "csrc/includes/simd.h:12"
    text: str


def foreign_words(units: Iterable[SourceUnit]) -> Iterator[tuple[SourceUnit, Fault]]:
    """What the rows of each unit's set find in its files and options, a place once for each set."""
    seen: set[tuple[str, str, str]] = set()
    for unit in units:
        for word in unit.of.words:
            for fault in _found(unit, word):
                key = (unit.of.label, fault.place, word.id)
                if key not in seen:
                    seen.add(key)
                    yield unit, fault


def _found(unit: SourceUnit, word: ForeignWord) -> Iterator[Fault]:
    if word.place == "options":
        wrong = [option for option in unit.upstream if re.fullmatch(word.pattern, option)]
        if wrong and unit.is_compiled_by_cl:
            yield Fault(place=f"options of {unit.op}", text=f"{' '.join(wrong)}: {word.means}")
        return
    for path in unit.files:
        if path.suffix in HEADERS if word.place == "headers" else unit.is_compiled_by_cl:
            for line in _lines(path, path.stat().st_mtime_ns, word.pattern):
                yield Fault(place=f"{path.relative_to(unit.root).as_posix()}:{line}", text=word.means)


@cache
def _lines(path: Path, changed: int, pattern: str) -> tuple[int, ...]:
    return _places(path.read_text(encoding="utf-8", errors="replace"), pattern)


@cache  # by content: releases share most of their files
def _places(text: str, pattern: str) -> tuple[int, ...]:
    code = _without_comments(text)
    return tuple(code.count("\n", 0, match.end()) + 1 for match in re.finditer(pattern, code, re.MULTILINE))


@cache
def _without_comments(text: str) -> str:
    """The code with its lines where they were, and no texts."""
    return COMMENT.sub(lambda match: "\n" * match[0].count("\n") or " ", text)
