"""The compiler for C++ files and the linker: found on this machine, or the one that the facts name for another."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PureWindowsPath

from scripts.facts.deepspeed_releases import OpSupport
from scripts.facts.facts import Facts
from scripts.outgoing import reference
from scripts.plan.context import Context
from scripts.toolchain.gates import gcc_context, msvc_context
from scripts.toolchain.gcc import Gcc, absent_headers, accepted_gcc, find_gcc, install_line
from scripts.toolchain.msvc.toolset import choose_toolset, pinned_toolset, preferred_toolsets, toolset_choice
from scripts.toolchain.msvc.vcvars import capture_environment
from scripts.toolchain.msvc.visual_studio import find_visual_studios

PROGRAM_FILES = PureWindowsPath(reference("ProgramFiles"))


@dataclass(frozen=True, kw_only=True)
class HostCompiler:
    """The compiler for C++ files and the linker, whichever system they are of."""

    name: str  # "MSVC toolset 14.44"
    identity: Mapping[str, str]  # what of it can change a binary
    context: Context  # what conditions may ask of it
    variables: Mapping[str, str] = field(default_factory=dict)  # that every command of the build needs
    directories: Mapping[str, str] = field(default_factory=dict)  # name -> path, see flags.py
    absent_headers: Mapping[str, str] = field(default_factory=dict)  # header of the system -> what installs it
    gcc: Gcc | None = None


def find_host_compiler(system: str, facts: Facts, captured: Path, cuda: str | None) -> HostCompiler:
    """The host compiler of this machine for a CUDA version; raises PrerequisiteError when none fits.

    On Windows the environment of Visual Studio is captured, or taken from `captured`.
    """
    return _find_gcc(facts, cuda) if system == "linux" else _find_msvc(facts, captured, cuda)


def expected_host_compiler(system: str, facts: Facts, cuda: str | None) -> HostCompiler:
    """The host compiler that the facts name for a CUDA version, on a machine that is not this one."""
    choice = toolset_choice(facts, cuda) if system == "windows" else None
    if choice is None:
        limit = f" up to {facts.cuda[cuda].gcc_max}" if cuda else ""
        return HostCompiler(name=f"g++{limit}", identity={}, context={})
    number = next(toolset.msc_ver for toolset in facts.toolsets if toolset.version == choice.toolset)
    year, edition, _ = (facts.runners[choice.runners[0]].visual_studio or "").split(maxsplit=2)
    folder = facts.visual_studios[year].folder
    return HostCompiler(
        name=f"MSVC toolset {choice.toolset}",
        identity={},
        context=msvc_context(choice.toolset, number),
        directories={"studio": str(PROGRAM_FILES / "Microsoft Visual Studio" / folder / edition)},
    )


def _find_gcc(facts: Facts, cuda: str | None) -> HostCompiler:
    gcc = accepted_gcc(find_gcc(facts), facts, facts.cuda[cuda].gcc_max if cuda else None)
    packages = {row.header: row.libraries for row in _supports(facts) if row.header}
    absent = {header: install_line(packages[header], facts.managers) for header in absent_headers(gcc, packages)}
    return HostCompiler(
        name=gcc.version,
        identity=gcc.identity(),
        context=gcc_context(facts, gcc.major, cuda),
        variables=gcc.variables,
        directories={"compiler": gcc.compiler},
        absent_headers=absent,
        gcc=gcc,
    )


def _find_msvc(facts: Facts, captured: Path, cuda: str | None) -> HostCompiler:
    wanted = preferred_toolsets(facts, cuda, pin=pinned_toolset(os.environ))
    chosen = choose_toolset(find_visual_studios(facts), wanted, facts, cuda)
    environment = capture_environment(chosen, captured)
    return HostCompiler(
        name=f"MSVC toolset {chosen.line}",
        identity=environment.identity(),
        context=msvc_context(chosen.line, chosen.msc_ver),
        variables=environment.variables,
        directories={"studio": str(chosen.studio.root)},
    )


def _supports(facts: Facts) -> Iterator[OpSupport]:
    """Every row of every op."""
    return (row for op in facts.ops.values() for rows in op.support.values() for row in rows)
