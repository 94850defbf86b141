"""What of a cell's toolchain this machine has: looked at, nothing fetched, every gap with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from scripts.errors import WheelsError
from scripts.facts.facts import Facts
from scripts.plan.context import Context
from scripts.plan.target import Target
from scripts.toolchain.compilers import HostCompiler, check_toolchain, find_host, toolkit_version
from scripts.toolchain.cuda.discovery import find_toolkits, named_toolkit
from scripts.toolchain.cuda.provide import stored_toolkits
from scripts.toolchain.cuda.toolkit import Toolkit
from scripts.toolchain.msvc.visual_studio import VisualStudio, find_visual_studios


@dataclass(frozen=True, kw_only=True)
class Survey:
    """One cell's toolchain as far as it is here."""

    target: Target
    studios: tuple[VisualStudio, ...]
    host: HostCompiler | None
    why_no_host: str | None  # why the host compiler is none, or not one for this cell
    toolkits: tuple[Toolkit, ...]  # the first is the one that a build takes
    passed_over: tuple[str, ...]

    @property
    def variables(self) -> Mapping[str, str]:
        """The captured environment of the host compiler."""
        return self.host.variables if self.host else {}

    def as_document(self) -> dict[str, object]:
        """For programs."""
        return {
            "target": self.target.id,
            "visual_studios": [{**asdict(studio), "root": str(studio.root)} for studio in self.studios],
            "host": dict(self.host.identity) if self.host else None,
            "why_no_host": self.why_no_host,
            "toolkits": [
                {"root": str(t.root), "version": t.version, "nvcc": t.nvcc, "source": t.source} for t in self.toolkits
            ],
            "passed_over": list(self.passed_over),
            "environment": dict(sorted(self.variables.items())),
        }

    def as_lines(self) -> list[str]:
        """For people."""
        lines = [self.target.id]
        lines += [f"  {s.name} {s.version} in {s.root}: {', '.join(s.toolsets) or 'no C++'}" for s in self.studios]
        if self.host:
            lines += [f"  {name}: {value}" for name, value in self.host.identity.items()]
        lines += [f"  {line}" for line in (self.why_no_host or "").splitlines()]
        lines += [f"  CUDA {t.nvcc} ({t.source}) in {t.root}" for t in self.toolkits]
        lines += [f"  passed over: {reason}" for reason in self.passed_over]
        if self.target.cuda_version and not self.toolkits:
            lines.append(f"  no whole CUDA {self.target.cuda_version} toolkit is installed; a build fetches one")
        return lines


def survey(target: Target, facts: Facts, cell: Context, captured: Path, fetched: Path) -> Survey:
    """What this machine has for the target.

    `captured` holds Visual Studio's environments of earlier runs, `fetched` is the cache of toolkits.
    """
    host, why_not = None, None
    try:
        cuda = toolkit_version(target, facts, "auto")
        host = find_host(target, facts, captured, cuda)
        check_toolchain(target, facts, cell, host, cuda)
    except WheelsError as error:
        why_not = str(error)
    toolkits, passed = _toolkits(target, facts, fetched)
    return Survey(
        target=target,
        studios=find_visual_studios(facts) if target.system == "windows" else (),
        host=host,
        why_no_host=why_not,
        toolkits=toolkits,
        passed_over=passed,
    )


def _toolkits(target: Target, facts: Facts, fetched: Path) -> tuple[tuple[Toolkit, ...], tuple[str, ...]]:
    if not target.cuda_version:
        return (), ()
    try:
        named = named_toolkit(facts, target.system)
    except WheelsError as error:
        return (), (str(error),)
    found, passed = find_toolkits(target.cuda_version, facts, target.system)
    first = [named] if named else []
    stored = stored_toolkits(target.cuda_version, facts, fetched, target.system)
    return (*first, *found, *stored), tuple(f"{one.reason} ({one.candidate.told_by})" for one in passed)
