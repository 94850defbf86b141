"""What is known of Visual Studio, its toolsets and which one to take for which CUDA: the rows of msvc.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scripts.schema.readers import Optional, Reader, integer, listed, mapped, record, source, table, text, version


@dataclass(frozen=True, kw_only=True)
class Toolset:
    """One MSVC toolset and the oldest CUDA that its STL accepts."""

    version: str  # "14.44"
    visual_studio: str  # "2022 17.14"
    msc_ver: int
    stl_min_cuda: str | None
    components: Mapping[str, str]  # major version of Visual Studio -> id of the component that adds it, "17"
    source: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ToolsetChoice:
    """Which toolset and hosted runner to take for a CUDA version."""

    cuda: tuple[str, ...]  # empty: a cell without CUDA
    runner: str
    toolset: str
    why: str
    source: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class VisualStudioRelease:
    """One yearly release of Visual Studio."""

    name: str  # "2022"
    version: str  # major version, "17"
    folder: str  # below "Microsoft Visual Studio" in both Program Files folders
    build_tools: str  # address of the installer of its Build Tools
    source: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class VisualStudioEdition:
    """One edition of Visual Studio."""

    name: str  # "BuildTools", which is its folder too and the end of its product id
    workload: str  # the id of "Desktop development with C++"
    source: tuple[str, ...]


TOOLSET = record(
    Toolset,
    version=version,
    visual_studio=text,
    msc_ver=integer,
    stl_min_cuda=Optional(version),
    components=Optional(mapped(text), {}),
    source=source,
)
TOOLSET_CHOICE = record(ToolsetChoice, cuda=listed(version), runner=text, toolset=version, why=text, source=source)
VISUAL_STUDIO = record(VisualStudioRelease, name=text, version=version, folder=text, build_tools=text, source=source)
EDITION = record(VisualStudioEdition, name=text, workload=text, source=source)
MSVC: Mapping[str, Reader[Any]] = {
    "toolsets": listed(TOOLSET),
    "choices": listed(TOOLSET_CHOICE),
    "visual_studios": table("name", VISUAL_STUDIO),
    "editions": table("name", EDITION),
}
