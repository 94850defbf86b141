"""The rows of causes.yaml: what can go wrong, and which lines of a log show it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, TypeAlias

from scripts.errors import DataError
from scripts.facts.condition import When
from scripts.schema.annotations import Source, row_reader
from scripts.schema.data_document import read_data
from scripts.schema.readers import Problems, below, choice, text

DATA = Path(__file__).parent.parent / "data"
FILE = "causes.yaml"
CERTAINTIES = ("sure", "likely", "trace")
WORD = re.compile(r"[a-z0-9_]+")
FRAGMENT = re.compile(r"<<([\w-]+)>>")


def words(value: object, where: str, problems: Problems) -> tuple[str, ...]:
    """Words as the scan of a log knows them, separated by blanks."""
    found = tuple(text(value, where, problems).split())
    for word in found:
        if not WORD.fullmatch(word):
            problems.add(where, f"{word!r} is not a word; write lower-case letters, digits and _ only")
    if not found:
        problems.add(where, "is empty; name the words that make a line worth a look")
    return found


def pattern(value: object, where: str, problems: Problems) -> re.Pattern[str]:
    """A regular expression."""
    found = text(value, where, problems)
    try:
        return re.compile(found)
    except re.error as error:
        problems.add(where, f"{found!r} is not a regular expression ({error}); correct it")
        return re.compile("")


Words: TypeAlias = Annotated[tuple[str, ...], words]
Pattern: TypeAlias = Annotated[re.Pattern[str], pattern]


@dataclass(frozen=True, kw_only=True)
class Remedy:
    """What to do instead of the usual when the log names a target for which `when` holds."""

    when: When
    remedy: str


@dataclass(frozen=True, kw_only=True)
class Cause:
    """Why something failed, and what to do."""

    explanation: str
    remedy: str
    remedies: tuple[Remedy, ...] = ()
    source: Source

    def remedy_for(self, context: Mapping[str, str | bool]) -> str:
        """The first remedy that holds for what the log names, else the usual one."""
        return next((row.remedy for row in self.remedies if row.when.holds(context)), self.remedy)


@dataclass(frozen=True, kw_only=True)
class LogRule:
    """How a cause, or harmless noise, looks in a log."""

    id: str
    cause: str | None
    noise: str | None  # instead of a cause: why the line does no harm
    certainty: Annotated[str, choice(*CERTAINTIES)] = CERTAINTIES[0]
    words: tuple[Words, ...]  # a line that does not hold all words of one of them is not looked at
    pattern: Pattern
    before: Pattern | None  # must be found in one of the lines before
    after: Pattern | None  # must be found in one of the lines behind
    reach: int = 12  # how many lines before and behind
    warnings: bool = False  # decides lines that are only warnings, too
    explanation: str | None  # instead of the cause's
    remedy: str | None
    source: Source


@dataclass(frozen=True, kw_only=True)
class LogEnd:
    """The lines that tell how a log ended, one way or the other."""

    words: tuple[Words, ...]
    pattern: Pattern


@dataclass(frozen=True, kw_only=True)
class Causes:
    """Everything causes.yaml says."""

    fragments: Mapping[str, str]
    phrases: Mapping[str, tuple[str, ...]]  # what C libraries and compilers say in other languages
    causes: Mapping[str, Cause]
    rules: tuple[LogRule, ...]
    error: LogEnd
    success: LogEnd


@cache
def load_causes(directory: Path = DATA) -> Causes:
    """Every row of causes.yaml as values; raises DataError that names every problem."""
    problems = Problems()
    problems.known_sources = _known_sources(directory)
    document = _with_fragments(read_data(directory / FILE, problems))
    found: Causes = row_reader(Causes)(document, f"{FILE}:", problems)
    if not problems:
        _check(found, problems)
    if problems:
        raise DataError(FILE, problems)
    return found


def _known_sources(directory: Path) -> frozenset[str]:
    """The keys of sources.yaml; whatever is wrong with that file is reported with the facts."""
    document = read_data(directory / "sources.yaml", Problems())
    sources = document.get("sources") if isinstance(document, dict) else None
    return frozenset(sources) if isinstance(sources, dict) else frozenset()


def _with_fragments(document: object) -> object:
    """The document with `<<name>>` in the rules replaced by the fragment, or one of the phrases, of that name."""
    if not isinstance(document, dict) or not isinstance(document.get("fragments"), dict):
        return document
    phrases = document.get("phrases")
    translated = phrases if isinstance(phrases, dict) else {}
    fragments = {**document["fragments"], **{name: _one_of(row) for name, row in translated.items()}}

    def filled(value: object) -> object:
        if isinstance(value, list):
            return [filled(item) for item in value]
        if isinstance(value, dict):
            return {key: filled(item) for key, item in value.items()}
        return (
            FRAGMENT.sub(lambda name: str(fragments.get(name[1], name[0])), value) if isinstance(value, str) else value
        )

    return {**document, "rules": filled(document.get("rules"))}


def _one_of(phrases: object) -> str:
    return f"(?:{'|'.join(re.escape(str(each)) for each in phrases)})" if isinstance(phrases, list) else ""


def _check(found: Causes, problems: Problems) -> None:
    ids = [rule.id for rule in found.rules]
    for index, rule in enumerate(found.rules):
        where = below(f"{FILE}: rules", index)
        if ids.count(rule.id) > 1:
            problems.add(where, f"the id {rule.id!r} is there twice; rename one")
        if (rule.cause is None) == (rule.noise is None):
            problems.add(where, "needs either a cause or why it is noise, and not both")
        if rule.cause is not None and rule.cause not in found.causes:
            problems.add(where, f"the cause {rule.cause!r} is not known; add it to causes or correct it")
    for name in found.causes.keys() - {rule.cause for rule in found.rules}:
        problems.add(below(f"{FILE}: causes", name), "no rule leads here; add one or remove the cause")
