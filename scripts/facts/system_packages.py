"""system.yaml: what a build needs of the system, and the package managers that bring it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from scripts.schema.annotations import RowName, Source


@dataclass(frozen=True, kw_only=True)
class PackageManager:
    """A system's package manager: its program, and the line that a user types with {packages} in it."""

    name: RowName
    program: str
    command: str
    refresh: str | None  # what makes its lists of packages new, where they grow old


@dataclass(frozen=True, kw_only=True)
class GccToolset:
    """A GCC beside the one that a system calls g++."""

    major: int
    programs: tuple[str, ...]  # on PATH, or with their place
    packages: Mapping[str, tuple[str, ...]]  # package manager -> what brings it
    source: Source


@dataclass(frozen=True, kw_only=True)
class SystemNeed:
    """Something of the system that a build needs, and the packages that bring it, by package manager."""

    name: RowName
    what: str
    packages: Mapping[str, tuple[str, ...]]
    source: Source
