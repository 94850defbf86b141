"""msvc.yaml: Visual Studio, its toolsets and which one to take for which CUDA."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from scripts.schema.annotations import RowName, Source, VersionText


@dataclass(frozen=True, kw_only=True)
class Toolset:
    """One MSVC toolset and the oldest CUDA that its STL accepts."""

    version: VersionText  # "14.44"
    msc_ver: int
    stl_min_cuda: VersionText | None
    components: Mapping[str, str] = field(default_factory=dict)  # major version of Visual Studio -> component id
    source: Source


@dataclass(frozen=True, kw_only=True)
class ToolsetChoice:
    """Which toolset and hosted runner to take for a CUDA version."""

    cuda: tuple[VersionText, ...]  # empty: a target without CUDA
    runners: tuple[str, ...]  # images that have the toolset; the first builds
    toolset: VersionText
    reason: str
    source: Source


@dataclass(frozen=True, kw_only=True)
class VisualStudioRelease:
    """One yearly release of Visual Studio."""

    name: RowName  # "2022"
    version: VersionText  # major version, "17"
    folder: str  # below "Microsoft Visual Studio" in both Program Files folders
    build_tools: str  # address of the installer of its Build Tools
    source: Source


@dataclass(frozen=True, kw_only=True)
class VisualStudioEdition:
    """One edition of Visual Studio."""

    name: RowName  # "BuildTools", which is its folder too and the end of its product id
    workload: str  # the id of "Desktop development with C++"
    source: Source
