"""`load_facts`: everything known, read from scripts/data and checked, with every problem of every file named."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, get_args, get_type_hints

from scripts.errors import DataError
from scripts.facts.consistency import check_facts
from scripts.facts.facts import Facts, Table
from scripts.schema.annotations import reader_of
from scripts.schema.data_document import read_data
from scripts.schema.readers import Problems, Reader, keyed, mapped, text

DATA = Path(__file__).parent.parent / "data"


@cache
def load_facts(folder: Path = DATA) -> Facts:
    """Every row of the data folder as values; raises DataError that names every problem of every file."""
    return _load(folder, together=True)


def read_rows(folder: Path = DATA) -> Facts:
    """The same, but rows may name others that are not there (yet)."""
    return _load(folder, together=False)


def _load(folder: Path, *, together: bool) -> Facts:
    problems = Problems()
    sources = _read(folder, "sources.yaml", {"sources": mapped(text)}, problems)["sources"]
    if problems:  # every source would be unknown
        raise DataError(folder.name, problems)
    problems.known_sources = frozenset(sources)
    facts = _read_all(folder, problems)
    if together and not problems:
        check_facts(facts, problems)
    if problems:
        raise DataError(folder.name, problems)
    return facts


def tables() -> Mapping[str, Table]:
    """By field of `Facts`, where it is read from."""
    hints = get_type_hints(Facts, include_extras=True)
    return {name: next(mark for mark in get_args(hint) if isinstance(mark, Table)) for name, hint in hints.items()}


def _read_all(folder: Path, problems: Problems) -> Facts:
    hints = get_type_hints(Facts, include_extras=True)
    by_file: dict[str, dict[str, str]] = {}
    for name, table in tables().items():
        by_file.setdefault(table.file, {})[table.key] = name
    found: dict[str, Any] = {}
    for file, fields in by_file.items():
        readers = {key: reader_of(hints[name]) for key, name in fields.items()}
        read = _read(folder, file, readers, problems)
        found |= {name: read[key] for key, name in fields.items()}
    return Facts(**found)


def _read(folder: Path, name: str, readers: Mapping[str, Reader[Any]], problems: Problems) -> dict[str, Any]:
    found = len(problems)
    document = read_data(folder / name, problems)
    unreadable = document is None and len(problems) > found  # reported once; its keys are not missing on top of that
    return keyed(dict[str, Any], **readers)(document, f"{name}:", Problems() if unreadable else problems)
