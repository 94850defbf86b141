"""The toolchain of a target: host compiler and CUDA toolkit, found on this machine or as the facts name them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from scripts.errors import PrerequisiteError
from scripts.facts.facts import Facts
from scripts.plan.context import Context
from scripts.plan.target import Target
from scripts.toolchain.cuda.provide import FETCHED, find_toolkit, requested_toolkit
from scripts.toolchain.cuda.toolkit import Toolkit
from scripts.toolchain.gates import arch_context, linker_context, standard_context, toolkit_context
from scripts.toolchain.host_compiler import HostCompiler, expected_host_compiler, find_host_compiler

ANY = "any"  # the toolkit's source while it is not known where one will come from


@dataclass(frozen=True, kw_only=True)
class Toolchain:
    """Everything that compiles one target; a toolkit that is not here yet is fetched by the build."""

    host: HostCompiler
    cuda: str | None  # CUDA version that it compiles for
    toolkit: Toolkit | None

    @property
    def identity(self) -> dict[str, str]:
        """What of it can change a binary."""
        return {**self.host.identity, **(self.toolkit.identity() if self.toolkit else {})}

    @property
    def directories(self) -> dict[str, str]:
        """Its directories by the name that stands for them in rows and cache keys."""
        return {**self.host.directories, **({"toolkit": str(self.toolkit.root)} if self.toolkit else {})}


def find_toolchain(target: Target, facts: Facts, choice: str, *, captured: Path, cache: Path) -> Toolchain:
    """The target's toolchain as far as this machine has it; nothing is fetched.

    `choice` is the option --toolkit. Raises PrerequisiteError for a named toolkit that is not complete, or of a version
    that the facts do not have, and when there is no host compiler that fits.
    """
    named = named_for(target, facts, choice)
    cuda = named.version if named else target.cuda_version
    host = find_host_compiler(target.system, facts, captured, cuda)
    if named or not cuda:
        return Toolchain(host=host, cuda=cuda, toolkit=named)
    toolkit, _ = find_toolkit(cuda, choice, facts, cache, target.system)
    return Toolchain(host=host, cuda=cuda, toolkit=toolkit)


def expected_toolchain(target: Target, facts: Facts) -> Toolchain:
    """The toolchain that the facts name for the target, on a machine that is not this one."""
    cuda = target.cuda_version
    return Toolchain(host=expected_host_compiler(target.system, facts, cuda), cuda=cuda, toolkit=None)


def named_for(target: Target, facts: Facts, choice: str) -> Toolkit | None:
    """The toolkit that the user named for a CUDA target; see `find_toolchain` for what is raised."""
    named = requested_toolkit(choice, facts, target.system) if target.cuda_version else None
    if named and named.version not in facts.cuda:
        known = ", ".join(facts.cuda)
        raise PrerequisiteError(
            f"{named.root} is CUDA {named.version}, of which nothing is known here; known: {known}", id="cuda-not-known"
        )
    return named


def toolchain_context(target: Target, facts: Facts, toolchain: Toolchain, choice: str, arches: str | None) -> Context:
    """What conditions may ask of the toolchain; of a target's CUDA version, the one that compiles counts."""
    host = {**toolchain.host.context, **linker_context(target, facts, toolchain.host.context)}
    if not toolchain.cuda:
        return host
    source = toolchain.toolkit.source if toolchain.toolkit else choice if choice in FETCHED else ANY
    return {
        **host,
        "cuda-version": toolchain.cuda,
        "cuda-major": toolchain.cuda.partition(".")[0],
        **toolkit_context(target, facts, toolchain.cuda, source),
        **(arch_context(facts, arches, toolchain.cuda) if arches else {}),
    }


def found_context(toolchain: Toolchain, commands: Iterable[Iterable[str]]) -> dict[str, str | bool]:
    """What a build finds out: where its toolkit came from, and the C++ standard of the captured `commands`."""
    source = {"toolkit-source": toolchain.toolkit.source} if toolchain.toolkit else {}
    return {**source, **standard_context(commands)}
