"""The facts about compiled code: what it may need of the machine it runs on."""

from __future__ import annotations

from dataclasses import dataclass

from packaging.specifiers import SpecifierSet

from scripts.facts.condition import Condition


@dataclass(frozen=True, kw_only=True)
class CpuException:
    """An op whose source asks for more than the CPU level by itself."""

    op: str
    versions: SpecifierSet
    reason: str
    source: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Library:
    """Who brings some of the shared libraries that compiled ops need, or why they must not need them."""

    origin: str  # "torch"
    names: tuple[str, ...]  # "cudart64_12.dll"; globs, and {python} for the wheel's Python
    when: Condition
    ops: tuple[str, ...]  # the only ones that may need it; empty: all
    refused: str | None
    source: tuple[str, ...]
