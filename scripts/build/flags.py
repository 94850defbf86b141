"""The edits of scripts/data/flags.yaml, applied to recorded commands."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from scripts.errors import DataError

FILE = Path(__file__).parent.parent / "data" / "flags.yaml"
KEYS = {"id", "system", "step", "drop", "append", "reason", "source"}
REQUIRED = {"id", "system", "step", "reason", "source"}


@dataclass(frozen=True, kw_only=True)
class FlagEdit:
    """One change to every command of one step on one system."""

    id: str
    system: str
    step: str  # "compile" or "link"
    drop: tuple[str, ...]
    append: tuple[str, ...]


@cache
def load_edits(path: Path = FILE) -> tuple[FlagEdit, ...]:
    """The rows of flags.yaml in order; raises DataError that names every faulty row."""
    rows = yaml.safe_load(path.read_text(encoding="utf-8"))["flags"]
    problems = [problem for i, row in enumerate(rows) for problem in _problems(f"flags[{i}]", row)]
    if problems:
        raise DataError(path.name, problems)
    return tuple(_edit(row) for row in rows)


def _problems(where: str, row: Mapping[str, Any]) -> list[str]:
    unknown = [f"{where}.{key}: unknown key; known are {', '.join(sorted(KEYS))}" for key in row.keys() - KEYS]
    missing = [f"{where}.{key}: missing" for key in REQUIRED - row.keys()]
    idle = [] if row.get("drop") or row.get("append") else [f"{where}: neither drop nor append: the row does nothing"]
    return sorted(unknown + missing + idle)


def _edit(row: Mapping[str, Any]) -> FlagEdit:
    return FlagEdit(
        id=row["id"], system=row["system"], step=row["step"], drop=tuple(row.get("drop", ())),
        append=tuple(row.get("append", ())),
    )  # fmt: skip


def edit_flags(
    argv: Sequence[str], edits: Sequence[FlagEdit], *, step: str, system: str, places: Mapping[str, str],
    cpu: Sequence[str],
) -> tuple[str, ...]:  # fmt: skip
    """`argv` after every edit of this step and system. `places` names the folders source, environment, python."""
    words = list(argv)
    for edit in edits:
        if (edit.step, edit.system) == (step, system):
            words = _apply(words, edit, places, cpu)
    return tuple(words)


def _apply(words: list[str], edit: FlagEdit, places: Mapping[str, str], cpu: Sequence[str]) -> list[str]:
    patterns = [re.compile(_fill(text, {name: re.escape(path) for name, path in places.items()})) for text in edit.drop]
    kept = [words[0], *(word for word in words[1:] if not any(pattern.fullmatch(word) for pattern in patterns))]
    added = [flag for text in edit.append for flag in (cpu if text == "{cpu}" else [_fill(text, places)])]
    return [*kept, *added]


def _fill(text: str, places: Mapping[str, str]) -> str:
    for name, path in places.items():
        text = text.replace("{" + name + "}", path)
    return text
