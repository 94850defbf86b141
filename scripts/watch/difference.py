"""How the data and the world differ, as values: what is added, what is only told."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from scripts.watch.data_text import DataEdit

GONE, DIFFERS, NOTE = "gone", "differs", "note"


@dataclass(frozen=True, kw_only=True)
class Addition:
    """Something that the world serves and the data lack."""

    row: str  # "torch 2.15", "CUDA 13.5"
    words: str  # one sentence
    edits: tuple[DataEdit, ...]
    look: tuple[str, ...] = ()  # what a person has to look at, since nobody served it
    toolset: str = ""  # the release of MSVC that a new row names


@dataclass(frozen=True, kw_only=True)
class Remark:
    """Something that is told and never applied."""

    kind: str  # GONE, DIFFERS or NOTE
    row: str
    words: str


@dataclass(frozen=True, kw_only=True)
class DataDifference:
    """All of it, or that of one table."""

    additions: tuple[Addition, ...] = ()
    remarks: tuple[Remark, ...] = ()

    @property
    def files(self) -> tuple[str, ...]:
        """The data files that change."""
        return tuple(sorted({edit.file for addition in self.additions for edit in addition.edits}))


def together(parts: Iterable[DataDifference]) -> DataDifference:
    """The differences of several tables as one."""
    every = list(parts)
    return DataDifference(
        additions=tuple(addition for part in every for addition in part.additions),
        remarks=tuple(remark for part in every for remark in part.remarks),
    )


def edited(folder: Path, additions: Iterable[Addition]) -> dict[str, str]:
    """The new content of each data file that the additions change, by name."""
    found: dict[str, str] = {}
    for addition in additions:
        for edit in addition.edits:
            content = found.get(edit.file)
            if content is None:
                content = (folder / edit.file).read_bytes().decode("utf-8")
            found[edit.file] = edit.apply(content)
    return found


def quoted(values: Iterable[str]) -> str:
    """A list on one line, each item in quotes."""
    return "[" + ", ".join(f'"{value}"' for value in values) + "]"


def plain(values: Iterable[str]) -> str:
    """A list on one line."""
    return "[" + ", ".join(values) + "]"
