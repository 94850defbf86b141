"""What of a target's toolchain this machine has: looked at, nothing fetched, every gap with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from scripts.errors import WheelsError
from scripts.facts.facts import Facts
from scripts.plan.context import Context
from scripts.plan.ops import choose_ops
from scripts.plan.target import Target
from scripts.toolchain.compilers import Toolchain, named_for, toolchain_context
from scripts.toolchain.cuda.discovery import find_toolkits
from scripts.toolchain.cuda.provide import stored_toolkits
from scripts.toolchain.cuda.toolkit import Toolkit
from scripts.toolchain.gates import gates_of
from scripts.toolchain.host_compiler import HostCompiler, find_host_compiler
from scripts.toolchain.msvc.visual_studio import VisualStudio, find_visual_studios


@dataclass(frozen=True, kw_only=True)
class Survey:
    """One target's toolchain as far as it is here."""

    target: Target
    studios: tuple[VisualStudio, ...]
    host: HostCompiler | None
    why_no_host: str | None  # why the host compiler is none, or not one for this target
    toolkits: tuple[Toolkit, ...]  # the first is the one that a build takes
    passed_over: tuple[str, ...]
    missing: Mapping[str, str]  # op of the target -> what this machine lacks to build it

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
            "missing": dict(self.missing),
            "environment": dict(sorted(self.variables.items())),
        }

    def as_lines(self) -> list[str]:
        """For people."""
        lines = [self.target.id]
        lines += [f"  {s.name} {s.version} in {s.root}: {', '.join(s.toolsets) or 'no C++'}" for s in self.studios]
        if self.host:
            lines += [f"  {name}: {value}" for name, value in self.host.identity.items()]
        lines += [f"  {line}" for line in (self.why_no_host or "").splitlines()]
        lines += [f"  {op} cannot be built: {reason}" for op, reason in self.missing.items()]
        lines += [f"  CUDA {t.nvcc} ({t.source}) in {t.root}" for t in self.toolkits]
        lines += [f"  passed over: {reason}" for reason in self.passed_over]
        if self.target.cuda_version and not self.toolkits:
            lines.append(f"  no complete CUDA {self.target.cuda_version} toolkit is installed; a build fetches one")
        return lines


def survey(
    target: Target,
    facts: Facts,
    context: Context,
    captured: Path,
    fetched: Path,
    ops: tuple[str, ...] | None = None,
) -> Survey:
    """What this machine has for the target, whose `context` is that of the plan, and for these `ops`, else all its own.

    `captured` holds Visual Studio's environments of earlier runs, `fetched` is the cache of toolkits.
    """
    host, why_not = None, None
    toolkits, passed, named = _toolkits(target, facts, fetched)
    try:
        cuda = named.version if named else target.cuda_version
        host = find_host_compiler(target.system, facts, captured, cuda)
        toolchain = Toolchain(host=host, cuda=cuda, toolkit=named)
        gates_of(target, facts).require({**context, **toolchain_context(target, facts, toolchain, "auto", None)})
    except WheelsError as error:
        why_not = str(error)
    return Survey(
        target=target,
        studios=find_visual_studios(facts) if target.system == "windows" else (),
        host=host,
        why_no_host=why_not,
        toolkits=toolkits,
        passed_over=passed,
        missing=choose_ops(facts.ops, target, ops, host.absent_headers).missing if host else {},
    )


def _toolkits(
    target: Target, facts: Facts, fetched: Path
) -> tuple[tuple[Toolkit, ...], tuple[str, ...], Toolkit | None]:
    """Those that are here, why others do not count, and the one that is named; a bad name is no compiler's fault."""
    if not target.cuda_version:
        return (), (), None
    try:
        named = named_for(target, facts, "auto")
    except WheelsError as error:
        return (), (str(error),), None
    found, passed = find_toolkits(target.cuda_version, facts, target.system)
    first = [named] if named else []
    stored = stored_toolkits(target.cuda_version, facts, fetched, target.system)
    reasons = tuple(f"{one.reason} ({one.candidate.told_by})" for one in passed)
    return (*first, *found, *stored), reasons, named
