"""What a build is told beside its target, as values: flags, variables, memory, requirements. See records.py."""

from __future__ import annotations

from dataclasses import dataclass

from scripts.facts.condition import Condition


@dataclass(frozen=True, kw_only=True)
class FlagEdit:
    """One change to every command of one step ("compile", "nvcc", "link") on one system."""

    id: str
    system: str
    step: str
    drop: tuple[str, ...]  # regular expressions for whole words
    append: tuple[str, ...]
    reason: str
    source: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Variable:
    """A variable that upstream's setup.py and the compilers see, in the cells that it is meant for."""

    name: str
    value: str  # with {accelerator} {version} {arches} {toolkit}
    when: Condition
    tools: bool  # the compilers read it, so it is part of what a binary depends on
    reason: str
    source: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class UnitCost:
    """The memory that compiling one translation unit takes on one system, in one thread of its compiler."""

    system: str
    step: str  # "compile" or "nvcc"
    peak_bytes: int
    source: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class AddedRequirement:
    """A requirement that a wheel's metadata must name though upstream forgets it."""

    add: str
    when: Condition
    reason: str
    source: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class BuildRequirements:
    """What a build environment holds beside torch."""

    packages: tuple[str, ...]
    setuptools: str
    source: tuple[str, ...]
