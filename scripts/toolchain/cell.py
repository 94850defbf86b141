"""The toolchain of a cell: host compiler and CUDA toolkit found or fetched, and every gate between them asked."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from scripts.matrix.context import Context
from scripts.matrix.records import Facts
from scripts.matrix.target import Target
from scripts.toolchain.gates import arch_context, gcc_context, msvc_context, require_gates, toolkit_context
from scripts.toolchain.gcc import Gcc, find_gcc
from scripts.toolchain.provide import provide_toolkit
from scripts.toolchain.toolkit import Toolkit
from scripts.toolchain.toolset import choose_toolset, pinned_toolset, preferred_toolsets
from scripts.toolchain.vcvars import capture_environment
from scripts.toolchain.visual_studio import find_visual_studios

ANY = "any"  # the toolkit's source while none has been looked for


@dataclass(frozen=True, kw_only=True)
class Host:
    """The compiler for C++ files and the linker, whichever system they are of."""

    identity: Mapping[str, str]  # what of it can change a binary
    context: Context  # what conditions may ask of it
    variables: Mapping[str, str] = field(default_factory=dict)  # that every command of the build needs
    places: Mapping[str, str] = field(default_factory=dict)  # folder name -> path, see flags.py
    gcc: Gcc | None = None


@dataclass(frozen=True, kw_only=True)
class Toolchain:
    """Everything that compiles one cell."""

    host: Host
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


def find_host(target: Target, facts: Facts, cache: Path) -> Host:
    """The host compiler for the target's system and CUDA; raises PrerequisiteError with what adds it when none fits.

    On Windows the environment of Visual Studio is captured, or taken from `cache`.
    """
    cuda = target.cuda_version
    if target.system == "linux":
        gcc = find_gcc(facts)
        return Host(identity=gcc.identity(), context=gcc_context(facts, gcc.major, cuda), gcc=gcc)
    wanted = preferred_toolsets(facts, cuda, pin=pinned_toolset(os.environ))
    chosen = choose_toolset(find_visual_studios(facts), wanted, facts, cuda)
    captured = capture_environment(chosen, cache)
    return Host(
        identity=captured.identity(), context=msvc_context(facts, chosen.line, chosen.msc_ver, cuda),
        variables=captured.variables, places={"studio": str(chosen.studio.root)},
    )  # fmt: skip


def check_toolchain(target: Target, facts: Facts, cell: Context, host: Host) -> None:
    """Raise PrerequisiteError for a host compiler that the cell's own toolkit refuses; nothing is fetched for it."""
    planned = toolkit_context(target, facts, target.cuda_version, ANY) if target.cuda_version else {}
    require_gates(target, facts, {**cell, **host.context, **planned})


def provide_toolchain(
    target: Target, facts: Facts, cell: Context, host: Host, *, choice: str, cache: Path, arches: str | None,
    say: Callable[[str], None],
) -> Toolchain:  # fmt: skip
    """The toolchain of the cell, its CUDA toolkit found or fetched as `choice` says (see toolkit.py).

    Raises PrerequisiteError when there is none or a gate refuses it.
    """
    if not target.cuda_version:
        context = {**cell, **host.context}
        return Toolchain(host=host, toolkit=None, context=context, notes=require_gates(target, facts, context))
    toolkit = provide_toolkit(
        target.cuda_version, choice=choice, facts=facts, cache=cache, system=target.system, say=say
    )
    context = {
        **cell, **host.context, **_host_again(facts, host, toolkit.version),
        **toolkit_context(target, facts, toolkit.version, toolkit.source),
        **arch_context(facts, arches, toolkit.version),
    }  # fmt: skip
    return Toolchain(host=host, toolkit=toolkit, context=context, notes=require_gates(target, facts, context))


def _host_again(facts: Facts, host: Host, cuda: str) -> Context:
    """The host's answers for the toolkit that was found, which a person may have named for its other version."""
    if host.gcc:
        return gcc_context(facts, host.gcc.major, cuda)
    return msvc_context(facts, str(host.context["toolset"]), int(host.context["msc-ver"]), cuda)
