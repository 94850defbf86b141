"""The toolchain of a cell: host compiler and CUDA toolkit found or fetched, and every gate between them asked."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from scripts.command import Log
from scripts.errors import PrerequisiteError
from scripts.facts.facts import Facts
from scripts.plan.context import Context
from scripts.plan.target import Target
from scripts.toolchain.cuda.discovery import named_toolkit
from scripts.toolchain.cuda.provide import FETCHED, provide_toolkit
from scripts.toolchain.cuda.toolkit import Toolkit, examine
from scripts.toolchain.gates import arch_context, gcc_context, msvc_context, require_gates, toolkit_context
from scripts.toolchain.gcc import Gcc, find_gcc
from scripts.toolchain.msvc.toolset import choose_toolset, pinned_toolset, preferred_toolsets
from scripts.toolchain.msvc.vcvars import capture_environment
from scripts.toolchain.msvc.visual_studio import find_visual_studios

ANY = "any"  # the toolkit's source while none has been looked for


@dataclass(frozen=True, kw_only=True)
class HostCompiler:
    """The compiler for C++ files and the linker, whichever system they are of."""

    identity: Mapping[str, str]  # what of it can change a binary
    context: Context  # what conditions may ask of it
    variables: Mapping[str, str] = field(default_factory=dict)  # that every command of the build needs
    places: Mapping[str, str] = field(default_factory=dict)  # folder name -> path, see flags.py
    gcc: Gcc | None = None


@dataclass(frozen=True, kw_only=True)
class Toolchain:
    """Everything that compiles one cell."""

    host: HostCompiler
    toolkit: Toolkit | None
    context: Context
    notes: tuple[str, ...]  # what to know about it, though nothing refuses it

    @property
    def identity(self) -> dict[str, str]:
        """What of it can change a binary."""
        return {**self.host.identity, **(self.toolkit.identity() if self.toolkit else {})}

    @property
    def places(self) -> dict[str, str]:
        """Its folders by the name that stands for them in rows and cache keys."""
        return {**self.host.places, **({"toolkit": str(self.toolkit.root)} if self.toolkit else {})}


def toolkit_version(target: Target, facts: Facts, choice: str) -> str | None:
    """The CUDA version that the target is compiled with: that of a toolkit which a person named, else the cell's own.

    Raises PrerequisiteError when the named one is not whole, or of a version that the facts do not have.
    """
    if not target.cuda_version:
        return None
    named = None
    if choice == "auto":
        named = named_toolkit(facts, target.system)
    elif choice not in FETCHED:
        named = examine(Path(choice), "named", facts, target.system)
    if named and named.version not in facts.cuda:
        known = ", ".join(facts.cuda)
        raise PrerequisiteError(f"{named.root} is CUDA {named.version}, of which nothing is known here; known: {known}")
    return named.version if named else target.cuda_version


def find_host(target: Target, facts: Facts, cache: Path, cuda: str | None) -> HostCompiler:
    """The host compiler for the target's system and a CUDA version; raises PrerequisiteError when none fits.

    On Windows the environment of Visual Studio is captured, or taken from `cache`.
    """
    if target.system == "linux":
        gcc = find_gcc(facts)
        context, places = gcc_context(facts, gcc.major, cuda), {"compiler": gcc.compiler}
        return HostCompiler(identity=gcc.identity(), context=context, places=places, gcc=gcc)
    wanted = preferred_toolsets(facts, cuda, pin=pinned_toolset(os.environ))
    chosen = choose_toolset(find_visual_studios(facts), wanted, facts, cuda)
    captured = capture_environment(chosen, cache)
    return HostCompiler(
        identity=captured.identity(),
        context=msvc_context(facts, chosen.line, chosen.msc_ver, cuda, target.torch_minor),
        variables=captured.variables,
        places={"studio": str(chosen.studio.root)},
    )


def check_toolchain(target: Target, facts: Facts, cell: Context, host: HostCompiler, cuda: str | None) -> None:
    """Raise PrerequisiteError for a host compiler or a version that a gate refuses; nothing is fetched for it."""
    planned = toolkit_context(target, facts, cuda, ANY) if cuda else {}
    require_gates(target, facts, {**cell, **host.context, **planned})


def provide_toolchain(
    target: Target,
    facts: Facts,
    cell: Context,
    host: HostCompiler,
    *,
    choice: str,
    cache: Path,
    arches: str | None,
    log: Log,
) -> Toolchain:
    """The toolchain of the cell, its CUDA toolkit found or fetched as `choice` says (see toolkit.py).

    Raises PrerequisiteError when there is none or a gate refuses it.
    """
    if not target.cuda_version:
        context = {**cell, **host.context}
        return Toolchain(host=host, toolkit=None, context=context, notes=require_gates(target, facts, context))
    toolkit = provide_toolkit(
        target.cuda_version, choice=choice, facts=facts, cache=cache, system=target.system, log=log
    )
    context = {
        **cell,
        **host.context,
        **toolkit_context(target, facts, toolkit.version, toolkit.source),
        **arch_context(facts, arches, toolkit.version),
    }
    return Toolchain(host=host, toolkit=toolkit, context=context, notes=require_gates(target, facts, context))
