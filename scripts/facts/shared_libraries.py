"""libraries.yaml: where the shared libraries that compiled ops need come from."""

from __future__ import annotations

from dataclasses import dataclass

from scripts.facts.condition import When
from scripts.schema.annotations import Source


@dataclass(frozen=True, kw_only=True)
class Library:
    """Who brings some of the shared libraries that compiled ops need, or why they must not need them."""

    origin: str  # "torch"
    names: tuple[str, ...]  # "cudart64_12.dll"; globs, and {python} for the wheel's Python
    when: When
    ops: tuple[str, ...] = ()  # the only ones that may need it; empty: all
    refused: str | None
    installed: bool = False  # with what the wheel requires, whatever the system has
    source: Source


@dataclass(frozen=True, kw_only=True)
class PairedCall:
    """A function that a module may call only beside another."""

    calls: str  # "_Mtx_lock"
    beside: tuple[str, ...]  # any of these
    reason: str
    source: Source
