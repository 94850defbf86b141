"""Conditions of rows: when a rule or a patch applies to a target, read from `when:` and asked many times.

    when: {os: windows, torch: ">=2.9", any: [{cuda-major: "13"}, {python: [">=3.12"]}], not: {deepspeed: ">=0.18.5"}}

All entries must hold. A value is one alternative or a list of them; for a version name an alternative is a version or
a range. A plan asks some forty conditions of 100 000 targets, so ranges are compared once per distinct version.
"""

from __future__ import annotations

import re
import string
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Annotated, TypeAlias

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from scripts.schema.readers import LONGEST_RANGE, Problems, below

FLAGS = frozenset(
    (
        "free-threaded",
        "torch-has-cuda",
        "torch-has-python",
        "deepspeed-accepts-cuda",
        "toolkit-matches-torch",
        "toolkit-minor-matches-torch",
        "gcc-accepted",
        "toolset-links-torch",
        "arch-supported",
        "arch-in-torch",
    )
)
TEXTS = frozenset(("os", "platform", "accelerator", "cuda", "toolkit-source", "source-kind"))
VERSIONS = frozenset(
    (
        "cuda-version",
        "cuda-major",
        "torch",
        "deepspeed",
        "python",
        "toolkit-version",
        "toolkit-major",
        "msc-ver",
        "toolset",
        "gcc",
        "std",
        "arch",
        "arch-max",
    )
)
OPERATOR = re.compile(r"\s*(===?|~=|!=|[<>]=?)")


class Answers(dict[str | bool | None, bool]):
    """Which values a term allows, worked out at the first question: a plan has few values and many targets."""

    def __init__(self, values: frozenset[str | bool], ranges: tuple[str, ...]) -> None:
        super().__init__((value, True) for value in values)
        self.ranges = ranges

    def __missing__(self, value: str | bool | None) -> bool:
        self[value] = isinstance(value, str) and any(in_range(allowed, value) for allowed in self.ranges)
        return self[value]


@dataclass(frozen=True, kw_only=True)
class Term:
    """One name of the context and the values it may have; a name that is missing has none of them."""

    name: str
    values: frozenset[str | bool]
    ranges: tuple[str, ...]
    answers: Answers = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "answers", Answers(self.values, self.ranges))


@dataclass(frozen=True, kw_only=True)
class Condition:
    """What must be true of a target; parsed from a `when:` mapping, all of whose entries must hold."""

    names: frozenset[str]
    terms: tuple[Term, ...]
    alternatives: tuple[Condition, ...]  # of `any`, one of which must hold
    negated: Condition | None  # of `not`

    def holds(self, context: Mapping[str, str | bool]) -> bool:
        """Whether it is true of `context`; False as long as the context lacks one of `names`."""
        for term in self.terms:  # a loop, not all(): this is the hottest line of a plan
            if not term.answers[context.get(term.name)]:
                return False
        if not self.alternatives and self.negated is None:
            return True
        if not self.names <= context.keys():
            return False
        if self.alternatives and not any(condition.holds(context) for condition in self.alternatives):
            return False
        return self.negated is None or not self.negated.holds(context)

    def unmatched(self, known: Mapping[str, Collection[str]]) -> Iterator[tuple[str, str]]:
        """Each (name, value) that no known value of that name can have: a mistake in the row, or missing data."""
        for term in self.terms:
            if term.name not in known:
                continue
            values = known[term.name]
            yield from ((term.name, str(value)) for value in term.values if value not in values)
            yield from ((term.name, r) for r in term.ranges if not any(in_range(r, value) for value in values))
        for nested in (*self.alternatives, *([self.negated] if self.negated else [])):
            yield from nested.unmatched(known)


ALWAYS = Condition(names=frozenset(), terms=(), alternatives=(), negated=None)


@cache
def in_range(specifier: str, version: str) -> bool:
    """Whether the range holds for the version; "3.13t" and "9.0a" compare as 3.13 and 9.0, "cpu" is in no range."""
    try:
        parsed = Version(version.rstrip(string.ascii_lowercase))
    except InvalidVersion:
        return False
    return _specifiers(specifier).contains(parsed, prereleases=True)


@cache
def _specifiers(specifier: str) -> SpecifierSet:
    return SpecifierSet(specifier)


def parse_condition(value: object, where: str, problems: Problems) -> Condition:
    """The condition that a `when:` mapping states; adds to `problems` what cannot be understood."""
    if not isinstance(value, dict):
        problems.add(where, 'a condition is a mapping, such as {os: windows, torch: ">=2.9"}')
        return ALWAYS
    terms: list[Term] = []
    alternatives: tuple[Condition, ...] = ()
    negated: Condition | None = None
    for name, wanted in value.items():
        here = below(where, name)
        if name == "any":
            alternatives = _alternatives(wanted, here, problems)
        elif name == "not":
            negated = parse_condition(wanted, here, problems)
        else:
            terms.append(_term(name, wanted, here, problems))
    nested = (*alternatives, *([negated] if negated else []))
    names = frozenset(term.name for term in terms).union(*(condition.names for condition in nested))
    return Condition(names=names, terms=tuple(terms), alternatives=alternatives, negated=negated)


def _alternatives(value: object, where: str, problems: Problems) -> tuple[Condition, ...]:
    if not isinstance(value, list) or not value:
        problems.add(where, "`any` is a list of conditions; write [{...}, {...}]")
        return ()
    return tuple(parse_condition(entry, below(where, index), problems) for index, entry in enumerate(value))


def _term(name: str, wanted: object, where: str, problems: Problems) -> Term:
    if name not in FLAGS | VERSIONS | TEXTS:
        known = ", ".join(sorted(FLAGS | VERSIONS | TEXTS | {"any", "not"}))
        problems.add(where, f"no target has a {name!r}; known names: {known}")
        return Term(name=name, values=frozenset(), ranges=())
    entries = wanted if isinstance(wanted, list) else [wanted]
    if not entries:
        problems.add(where, "an empty list is never true; name a value or remove the key")
    values: set[str | bool] = set()
    ranges: list[str] = []
    for entry in entries:
        if name in FLAGS:
            values.add(_flag(entry, where, problems))
        elif name in VERSIONS:
            ranges.append(_range(entry, where, problems))
        else:
            values.add(_text(entry, where, problems))
    return Term(name=name, values=frozenset(values), ranges=tuple(ranges))


def _flag(entry: object, where: str, problems: Problems) -> bool:
    if not isinstance(entry, bool):
        problems.add(where, f"{entry!r} is neither true nor false; write one of them without quotes")
    return entry is True


def _text(entry: object, where: str, problems: Problems) -> str:
    if isinstance(entry, str) and not OPERATOR.match(entry):
        return entry
    hint = "write a name" if isinstance(entry, str) else f'write a text in quotes, "{entry}"'
    problems.add(where, f"{entry} cannot be compared with a name; {hint}")
    return ""


def _range(entry: object, where: str, problems: Problems) -> str:
    if not isinstance(entry, str):
        problems.add(where, f'{entry} is not text to YAML; write it in quotes, "{entry}"')
        return "==0"
    specifier = entry if OPERATOR.match(entry) else f"=={entry}"
    try:
        if len(specifier) > LONGEST_RANGE:
            raise InvalidSpecifier
        SpecifierSet(specifier)
    except InvalidSpecifier:
        problems.add(where, f'{entry!r} is neither a version nor a range; write one such as ">=2.9,<2.12"')
        return "==0"
    return specifier


When: TypeAlias = Annotated[Condition, parse_condition]  # a row's `when:`
ALWAYS = Condition(names=frozenset(), terms=(), alternatives=(), negated=None)
