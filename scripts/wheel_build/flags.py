"""The edits of scripts/data/flags.yaml, applied to captured commands."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from scripts.facts.flag_edits import FlagEdit


def edit_flags(
    argv: Sequence[str],
    edits: Sequence[FlagEdit],
    *,
    step: str,
    system: str,
    directories: Mapping[str, str],
    cpu: Sequence[str],
) -> tuple[str, ...]:
    """`argv` after every edit of this step and system. `directories` are those of source, environment, python …

    Beside them stands `unit`, the source file below the source tree.
    """
    words = list(argv)
    for edit in edits:
        if (edit.step, edit.system) == (step, system):
            words = _apply(words, edit, directories, cpu)
    return tuple(words)


def _apply(words: list[str], edit: FlagEdit, directories: Mapping[str, str], cpu: Sequence[str]) -> list[str]:
    escaped = {name: re.escape(path) for name, path in directories.items()}
    single = [re.compile(_fill(text, escaped)) for text in edit.drop if " " not in text]
    double = [re.compile(_fill(text, escaped)) for text in edit.drop if " " in text]
    kept, rest = words[:1], words[1:]
    while rest:
        pair = any(pattern.fullmatch(" ".join(rest[:2])) for pattern in double) and len(rest) > 1
        if not pair and not any(pattern.fullmatch(rest[0]) for pattern in single):
            kept.append(rest[0])
        rest = rest[2 if pair else 1 :]
    return [*kept, *(flag for text in edit.append for flag in (cpu if text == "{cpu}" else [_fill(text, directories)]))]


def _fill(text: str, directories: Mapping[str, str]) -> str:
    for name, path in directories.items():
        text = text.replace("{" + name + "}", path)
    return text
