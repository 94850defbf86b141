"""CUDA toolkits that this machine already has: where one may be, in the order in which they are asked."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from scripts.errors import PrerequisiteError
from scripts.facts.facts import Facts
from scripts.host import registry_values
from scripts.toolchain.cuda.toolkit import Toolkit, examine

NAMED_VARIABLE = "DEEPSPEED_WHEELS_CUDA"
REGISTRY_KEY = r"SOFTWARE\NVIDIA Corporation\GPU Computing Toolkit\CUDA"
REGISTRY_VALUE = "InstallDir"
INSTALLED = Path("NVIDIA GPU Computing Toolkit") / "CUDA"  # below Program Files


@dataclass(frozen=True, kw_only=True)
class ToolkitCandidate:
    """A directory that may be a toolkit, and who says so."""

    root: Path
    source: str  # "variable" | "registry" | "folder"
    told_by: str  # "CUDA_PATH_V12_4"


@dataclass(frozen=True, kw_only=True)
class PassedOver:
    """A candidate that does not count, with the reason."""

    candidate: ToolkitCandidate
    reason: str


def named_toolkit(facts: Facts, system: str) -> Toolkit | None:
    """The toolkit that DEEPSPEED_WHEELS_CUDA names, whatever its version; None when it is not set.

    Raises PrerequisiteError when something is missing there: who names a toolkit wants no other.
    """
    named = os.environ.get(NAMED_VARIABLE)
    return examine(Path(named).expanduser().resolve(), "named", facts, system) if named else None


def find_toolkits(
    version: str, facts: Facts, system: str, *, unix: Path = Path("/usr/local")
) -> tuple[list[Toolkit], list[PassedOver]]:
    """The complete toolkits of this version on this machine, the first to be taken first; and what was passed over."""
    found: list[Toolkit] = []
    passed: list[PassedOver] = []
    for candidate in _each_once(candidates(version, system, unix)):
        try:
            found.append(examine(candidate.root, candidate.source, facts, system, version))
        except PrerequisiteError as error:
            passed.append(PassedOver(candidate=candidate, reason=str(error)))
    return found, passed


def candidates(version: str, system: str, unix: Path) -> Iterator[ToolkitCandidate]:
    """The directories where a toolkit of this version may be, nearest to the user's wish first."""
    yield from _from_variables(version, os.environ)
    if system == "windows":
        yield from _from_registry(version)
        for programs in ("ProgramW6432", "ProgramFiles"):
            if base := os.environ.get(programs):
                yield ToolkitCandidate(root=Path(base) / INSTALLED / f"v{version}", source="folder", told_by=programs)
    else:
        for directory in (unix / f"cuda-{version}", unix / "cuda"):
            yield ToolkitCandidate(root=directory, source="folder", told_by=str(directory))


def _from_variables(version: str, variables: Mapping[str, str]) -> Iterator[ToolkitCandidate]:
    """The installer's variable of this very version, then what CUDA_PATH and CUDA_HOME say of any."""
    versioned = f"CUDA_PATH_V{version.replace('.', '_')}"
    for name in (versioned, "CUDA_PATH", "CUDA_HOME"):
        if value := variables.get(name):
            yield ToolkitCandidate(root=Path(value), source="variable", told_by=name)


def _from_registry(version: str) -> Iterator[ToolkitCandidate]:
    for directory in registry_folders(f"{REGISTRY_KEY}\\v{version}"):
        yield ToolkitCandidate(root=Path(directory), source="registry", told_by=f"HKLM\\{REGISTRY_KEY}\\v{version}")


def registry_folders(key: str) -> list[str]:
    """What the installer wrote into the machine's registry under `key`; empty where there is none."""
    directory = registry_values(key).get(REGISTRY_VALUE)
    return [directory] if directory else []


def _each_once(found: Iterator[ToolkitCandidate]) -> Iterator[ToolkitCandidate]:
    """The candidates, a directory that several name only once, and usual directories only where there is something."""
    seen = set()
    for candidate in found:
        place = os.path.normcase(candidate.root.resolve())
        if place not in seen and (candidate.source != "folder" or candidate.root.is_dir()):
            seen.add(place)
            yield candidate
