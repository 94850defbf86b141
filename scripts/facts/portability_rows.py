"""portability.yaml: what DeepSpeed's C++ is read with, as cl would read it, and what only cl refuses."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

from scripts.facts.condition import When
from scripts.schema.annotations import RowName, Source, VersionText
from scripts.schema.readers import Problems, choice, text


def line_pattern(value: object, where: str, problems: Problems) -> str:
    """A regular expression that is looked for in a text of many lines."""
    found = text(value, where, problems)
    try:
        re.compile(found, re.MULTILINE)
    except re.error as error:
        problems.add(where, f"{found!r} is not a regular expression ({error}); correct it")
    return found


@dataclass(frozen=True, kw_only=True)
class HeaderWheel:
    """A wheel whose headers are read."""

    name: RowName  # "torch-2.15"
    wheel: str  # the file's name
    bytes: int
    record_sha256: str
    folder: str  # where the headers lie in it
    search: tuple[str, ...]  # directories below it that the compiler searches
    source: Source


@dataclass(frozen=True, kw_only=True)
class PythonHeaders:
    """The headers of a Windows Python: an sdist that holds one."""

    project: str
    version: VersionText
    sha256: str
    archive: str  # the name of the archive within
    folder: str  # where the headers lie in that
    source: Source


@dataclass(frozen=True, kw_only=True)
class FrontEndRow:
    """The compiler that reads as cl does."""

    programs: tuple[str, ...]  # the first that is there is taken
    oldest: int  # major version
    reads_as: str  # the build of cl
    options: tuple[str, ...]
    errors: tuple[str, ...]  # warnings that are errors to cl
    c_headers: str
    without: tuple[str, ...]  # those of c_headers that Microsoft has not
    install: str  # the line that brings all of it
    source: Source


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """A C++ standard, the torch releases that ask for it, and the one whose headers stand for them."""

    standard: str  # "c++17"
    when: When
    torch: str  # the row of headers
    options: tuple[str, ...]
    drops_or: bool  # whether cl drops what follows "or" and "and" in #if
    source: Source


@dataclass(frozen=True, kw_only=True)
class ForeignWord:
    """What cl refuses and the front end lets pass."""

    id: str
    place: Annotated[str, choice("code", "headers", "options")]
    pattern: Annotated[str, line_pattern]
    means: str
    when: When
    source: Source
