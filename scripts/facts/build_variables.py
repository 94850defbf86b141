"""variables.yaml: what a build sets in the environment of setup.py and of every compiler."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from scripts.facts.condition import When
from scripts.schema.annotations import Source
from scripts.schema.readers import keyed, listed, source, text


@dataclass(frozen=True, kw_only=True)
class Variable:
    """A variable that upstream's setup.py and the compilers see, for the targets that it is meant for."""

    name: str
    value: str  # with {accelerator} {version} {arches} {toolkit}
    when: When
    tools: bool = False  # the compilers read it, so it is part of what a binary depends on
    reason: str
    source: Source


def _names(names: tuple[str, ...], source: Iterable[str]) -> tuple[str, ...]:
    return names


INHERITED = keyed(_names, names=listed(text), source=source)
