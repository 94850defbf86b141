"""Readers: from a document's plain values to typed ones, every fault with file, key path and what to do.

A *reader* is a function `(value, where, problems) -> typed value`. It never raises for bad data: it adds to `problems`
and returns some harmless value, so that one run names every fault. Whoever asked for the reading raises `DataError`
when `problems` is not empty. Readers are put together: `keyed(Gpu, sm=integer, names=text, ...)`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any, Generic, TypeAlias, TypeVar

from packaging.specifiers import InvalidSpecifier, SpecifierSet

VERSION = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})*t?")
SHA256 = re.compile(r"[0-9a-f]{64}")
VARIANT = re.compile(r"cu[1-9][0-9]{1,2}[0-9]")
ARCHES = re.compile(r"\d{1,2}\.\d[af]?(\+PTX)?(;\d{1,2}\.\d[af]?(\+PTX)?)*", re.ASCII)
LAST_STEP = re.compile(r'(?:\[\d+\]|\["[^"]*"\]|[. ][A-Za-z_][\w-]*)$')  # of a path that `below` makes
LONGEST_RANGE = 200  # characters
ISSUE = re.compile(r"([\w.-]+/[\w.-]+)?#\d+")
IDENTIFIER = re.compile(r"[A-Za-z_][\w-]*")
ADDRESS = re.compile(r"(https://)?[\w-]+(\.[\w-]+)+/\S+")

T = TypeVar("T")

# ---------------------------------------------------------------- problems


class Number(float):
    """A YAML or JSON number with the text it was written as: 3.10 is the float 3.1, which is another version."""

    text: str

    def __new__(cls, text: str) -> Number:
        """The number that `text` spells; not-a-number for YAML's odd spellings, 0x10 and 1:30."""
        try:
            number = super().__new__(cls, text)
        except ValueError:
            number = super().__new__(cls, "nan")
        number.text = text
        return number

    def __str__(self) -> str:
        return self.text


class Problems(list[str]):
    """Every fault found so far, each `file:line: key path (row): what is wrong; what to do`.

    The line and the row's own name are those of the path, or of the nearest one above it that has one.
    """

    def __init__(self, known_sources: Collection[str] = ()) -> None:
        super().__init__()
        self.known_sources = known_sources
        self.lines: dict[str, int] = {}  # by path
        self.names: dict[str, str] = {}  # of rows in lists, by path
        self.read_before: dict[tuple[int, str], Any] = {}  # see `shared`

    def add(self, where: str, message: str) -> None:
        """Keeps one fault."""
        paths = [where, *_above(where)]
        line = next((self.lines[path] for path in paths if path in self.lines), None)
        name = next((self.names[path] for path in paths if self.names.get(path)), "")
        file, colon, keys = where.partition(":")
        located = f"{file}:{line}{colon}{keys}" if line and colon else where
        self.append(f"{located.removesuffix(':')}{f' ({name})' if name else ''}: {message}")


def _above(where: str) -> Iterator[str]:
    """The paths that lead to this one, the nearest first; the whole document is the last."""
    while (step := LAST_STEP.search(where)) and step.start():
        where = where[: step.start()]
        yield where
    if not where.endswith(":"):
        yield f"{where.partition(':')[0]}:"


def below(where: str, key: str | int) -> str:
    """The path of `key` inside `where`: `torch.yaml: torch["2.6"].cuda[0]`."""
    step = _step(key)
    return f"{where} {key}" if step[0] == "." and where.endswith(":") else where + step


@cache
def _step(key: str | int) -> str:
    if isinstance(key, int):
        return f"[{key}]"
    return f".{key}" if IDENTIFIER.fullmatch(key) else f'["{key}"]'


# ---------------------------------------------------------------- readers

Reader: TypeAlias = Callable[[object, str, Problems], T]


@dataclass(frozen=True)
class Optional(Generic[T]):
    """A reader whose key may be absent or null."""

    reader: Reader[T]
    default: Any = None

    def __call__(self, value: object, where: str, problems: Problems) -> Any:  # noqa: ANN401  the default need not be a T
        """The value, or the default for null."""
        return self.default if value is None else self.reader(value, where, problems)


# ---------------------------------------------------------------- readers of one value


def text(value: object, where: str, problems: Problems) -> str:
    """A text; numbers and booleans must be quoted."""
    if isinstance(value, str):
        return value
    if isinstance(value, (Number, bool, int, float)):
        kind = "yes or no" if isinstance(value, bool) else "a number"
        problems.add(where, f'{value} is {kind} to YAML; write it in quotes, "{value}"')
    else:
        problems.add(where, f"{_kind(value)} where a text is expected; write a text")
    return ""


def version(value: object, where: str, problems: Problems) -> str:
    """A version such as "2.6" or "3.13t", always quoted."""
    found = text(value, where, problems)
    if found and not VERSION.fullmatch(found):
        problems.add(where, f'{found!r} is not a version; write digits and dots, such as "2.6"')
    return found


def shaped(pattern: re.Pattern[str], what: str) -> Reader[str]:
    """A reader of a text that matches the pattern from start to end."""

    def read(value: object, where: str, problems: Problems) -> str:
        found = text(value, where, problems)
        if (found or isinstance(value, str)) and not pattern.fullmatch(found):
            problems.add(where, f"{found!r} is not {what}")
        return found

    return read


digest = shaped(SHA256, "a sha256 (64 hex digits in lower case)")
variant = shaped(VARIANT, "a CUDA variant; write one such as cu124")
arches = shaped(ARCHES, 'a list of architectures; write one such as "8.0;8.6;12.0+PTX"')


def integer(value: object, where: str, problems: Problems) -> int:
    """An integer, without quotes."""
    if isinstance(value, Number) and re.fullmatch(r"-?[0-9]{1,18}", value.text):
        return int(value.text)
    problems.add(where, f"{_shown(value)} is not an integer; write digits without quotes")
    return 0


def number(value: object, where: str, problems: Problems) -> float:
    """A number, without quotes."""
    if isinstance(value, Number) and math.isfinite(value):
        return float(value)
    problems.add(where, f"{_shown(value)} is not a number; write digits without quotes")
    return 0.0


def flag(value: object, where: str, problems: Problems) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        problems.add(where, f"{_shown(value)} is neither true nor false; write one of them without quotes")
    return value is True


def day(value: object, where: str, problems: Problems) -> date:
    """A date."""
    if isinstance(value, date):
        return value
    problems.add(where, f"{_shown(value)} is not a date; write YYYY-MM-DD without quotes")
    return date.min


def pattern(value: object, where: str, problems: Problems) -> str:
    """A regular expression."""
    found = text(value, where, problems)
    try:
        re.compile(found)
    except re.error as error:
        problems.add(where, f"{found!r} is not a regular expression ({error}); correct it")
    return found


def choice(*allowed: str) -> Reader[str]:
    """A reader of one of the texts."""

    def read(value: object, where: str, problems: Problems) -> str:
        found = text(value, where, problems)
        if found and found not in allowed:
            problems.add(where, f"{found!r} is not known here; write one of {', '.join(allowed)}")
        return found

    return read


def specifiers(known: Iterable[str] | None = None) -> Reader[SpecifierSet]:
    """A reader of a version range such as ">=0.16,<0.19"; it must hold for one of `known`, unless that is None."""
    versions = None if known is None else tuple(known)

    def read(value: object, where: str, problems: Problems) -> SpecifierSet:
        written = text(value, where, problems)
        try:
            if len(written) > LONGEST_RANGE:
                raise InvalidSpecifier
            found = SpecifierSet(written)
        except InvalidSpecifier:
            problems.add(where, f'{value!r} is not a version range; write one such as ">=0.16,<0.19"')
            return SpecifierSet()
        if versions and not any(found.contains(version, prereleases=True) for version in versions):
            problems.add(where, f"{str(found)!r} matches no known version; correct it or add the version to the data")
        return found

    return read


def source(value: object, where: str, problems: Problems) -> tuple[str, ...]:
    """Where a fact comes from: a list of keys of sources.yaml, issues (`owner/repo#12`, `#12`) or addresses."""
    entries = listed(text)(value, where, problems)
    if not entries:
        problems.add(where, "is empty; name a key of sources.yaml, an issue or an address")
    for index, entry in enumerate(entries):
        if entry and entry not in problems.known_sources and not (ISSUE.fullmatch(entry) or ADDRESS.fullmatch(entry)):
            problems.add(below(where, index), f"{entry!r} is not known; add it to sources.yaml or correct it")
    return entries


# ---------------------------------------------------------------- readers of several values


def listed(item: Reader[T]) -> Reader[tuple[T, ...]]:
    """A reader of a list."""

    def read(value: object, where: str, problems: Problems) -> tuple[T, ...]:
        if not isinstance(value, list):
            problems.add(where, f"{_kind(value)} where a list is expected; write [ ... ]")
            return ()
        return tuple(item(entry, below(where, index), problems) for index, entry in enumerate(value))

    return read


def mapped(item: Reader[T]) -> Reader[dict[str, T]]:
    """A reader of a mapping whose keys are ours to choose."""

    def read(value: object, where: str, problems: Problems) -> dict[str, T]:
        return {key: item(entry, below(where, key), problems) for key, entry in _mapping(value, where, problems)}

    return read


def keyed(build: Callable[..., T], **readers: Reader[Any]) -> Reader[T]:
    """A reader of a mapping with exactly the keys of `readers`, handed to `build` as keywords."""

    absent = {key: reader.default if isinstance(reader, Optional) else None for key, reader in readers.items()}
    needed = dict.fromkeys(key for key, reader in readers.items() if not isinstance(reader, Optional))

    def read(value: object, where: str, problems: Problems) -> T:
        row = dict(_mapping(value, where, problems))
        if unknown := row.keys() - readers.keys():
            for key in filter(unknown.__contains__, row):
                problems.add(below(where, key), f"unknown key; known here: {', '.join(readers)}")
        if isinstance(value, dict) and not needed.keys() <= row.keys():
            _report_missing(row, needed, where, problems)
        found = {key: reader(row[key], below(where, key), problems) for key, reader in readers.items() if key in row}
        return build(**{**absent, **found})

    return read


def shared(reader: Reader[T]) -> Reader[T]:
    """A reader that reads a value once, however often the document repeats it; one with a fault is read each time."""

    def read(value: object, where: str, problems: Problems) -> T:
        key = (id(reader), repr(value))
        if key in problems.read_before:
            found: T = problems.read_before[key]
            return found
        faults = len(problems)
        found = reader(value, where, problems)
        if len(problems) == faults:
            problems.read_before[key] = found
        return found

    return read


def table(key: str, row: Reader[T]) -> Reader[dict[str, T]]:
    """A reader of a mapping of rows, each of which is given its own name as the field `key`."""

    def read(value: object, where: str, problems: Problems) -> dict[str, T]:
        found: dict[str, T] = {}
        for name, entry in _mapping(value, where, problems):
            named = {key: name, **entry} if isinstance(entry, dict) else entry
            found[name] = row(named, below(where, name), problems)
        return found

    return read


def _report_missing(row: Collection[str], needed: Iterable[str], where: str, problems: Problems) -> None:
    for key in needed:
        if key not in row:
            hint = "name where the fact comes from" if key == "source" else "add it"
            problems.add(where, f"the key {key!r} is missing; {hint}")


def _mapping(value: object, where: str, problems: Problems) -> list[tuple[str, object]]:
    if isinstance(value, dict):
        return list(value.items())
    problems.add(where, f"{_kind(value)} where a mapping is expected; write key: value")
    return []


def _kind(value: object) -> str:
    names = {dict: "a mapping", list: "a list", type(None): "nothing", str: "a text", bool: "yes or no"}
    return names.get(type(value), f"{value}")


def _shown(value: object) -> str:
    return repr(value) if isinstance(value, str) else _kind(value)
