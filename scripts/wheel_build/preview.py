"""What a build would run, said before it is run: environment, patches and commands, on this system or another.

For a cell of another system the places are those of a machine of that system, by the variables that its shell knows:
the lines can be pasted there, in the checkout.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import PurePath, PurePosixPath, PureWindowsPath
from typing import Any

from scripts.command import Command
from scripts.dirs import CHECKOUT
from scripts.facts.facts import Facts
from scripts.fetch.installer import Installer
from scripts.plan.context import Context
from scripts.plan.ops import patches_for
from scripts.plan.target import Target
from scripts.toolchain.gates import msvc_context, toolkit_context
from scripts.toolchain.msvc.toolset import preferred_toolsets
from scripts.wheel_build.build_environment import build_requirements, torch_routes
from scripts.wheel_build.pipeline import UPSTREAM, Builder

WINDOWS_CACHE = PureWindowsPath("%LOCALAPPDATA%/deepspeed-wheels/Cache")
LINUX_CACHE = PurePosixPath("/var/tmp/deepspeed-wheels")
WINDOWS_CHECKOUT, LINUX_CHECKOUT = PureWindowsPath("%CHECKOUT%"), PurePosixPath("/var/tmp/checkout")
PROGRAM_FILES = PureWindowsPath("%ProgramFiles%")


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Where the things of one build lie on the machine that builds."""

    system: str
    work: PurePath
    checkout: PurePath
    toolkit: PurePath | None
    activate: Command | None  # what brings the host compiler into the environment
    interpreter: str

    @property
    def python(self) -> PurePath:
        """The interpreter of the build's environment."""
        inside = ("Scripts", "python.exe") if self.system == "windows" else ("bin", "python")
        return self.work.joinpath("environment", *inside)


@dataclass(frozen=True, kw_only=True)
class Preview:
    """One cell's build in words and commands."""

    target: Target
    ops: tuple[str, ...]
    left_out: Mapping[str, str]
    source: str
    patches: tuple[str, ...]
    toolchain: Mapping[str, str]
    environment: Mapping[str, str]
    commands: tuple[Command, ...]

    @property
    def windows(self) -> bool:
        """Whether the lines are for cmd.exe."""
        return self.target.system == "windows"

    def as_document(self) -> dict[str, Any]:
        """For programs."""
        return {
            "ops": list(self.ops),
            "left_out": dict(self.left_out),
            "source": self.source,
            "patches": list(self.patches),
            "toolchain": dict(self.toolchain),
            "environment": dict(self.environment),
            "commands": [command.as_shell(windows=self.windows) for command in self.commands],
        }

    def as_script(self) -> str:
        """Lines to paste into the shell of the cell's system, with what they rest on as comments."""
        mark = "rem" if self.windows else "#"
        notes = [
            self.target.id,
            f"ops: {', '.join(self.ops)}",
            f"source: {self.source}",
            f"patches: {', '.join(self.patches) or 'none'}",
            *(f"{name}: {value}" for name, value in self.toolchain.items()),
        ]
        start = ['set "CHECKOUT=%CD%"'] if self.windows and "%CHECKOUT%" in str(self.commands) else []
        lines = [command.as_shell(windows=self.windows) for command in self.commands]
        return "\n".join([*(f"{mark} {note}" for note in notes), *start, *lines])


def preview(builder: Builder, target: Target, layout: Layout) -> Preview:
    """What a build of `target` is made of and runs, in order; compile commands are recorded on the way."""
    installer = Installer(uv="uv")
    facts, matrix = builder.facts, builder.matrix
    cell = planned_context(target, facts, matrix.context_of(target, facts))
    selection = builder.select_ops(target)
    kind = "tag" if builder.options.source == "auto" else builder.options.source
    patches = patches_for(facts.patches, {**cell, "source-kind": kind})
    variables = builder.variables(target, selection, cell, str(layout.toolkit or ""))
    torch = facts.torch[target.torch_minor]
    route = torch_routes(target, torch, matrix.torch_index)[0]
    needed = [f"torch=={target.torch}", *build_requirements(torch, facts.build_requirements)]
    script = layout.checkout.joinpath(*UPSTREAM.relative_to(CHECKOUT).parts)
    bare = [
        installer.create(layout.work / "environment", layout.interpreter),
        installer.install(layout.python, [route.requirement], index=route.index),
        installer.install(layout.python, needed),
    ]
    return Preview(
        target=target,
        ops=tuple(choice.name for choice in selection.chosen),
        left_out=selection.left_out,
        source=f"{kind} of DeepSpeed {target.deepspeed}, unpacked to {layout.work / 'source'} and patched",
        patches=tuple(patch.id for patch in patches),
        toolchain=planned_toolchain(target, facts),
        environment=variables,
        commands=(
            *(replace(command, env={}) for command in bare),
            *([layout.activate] if layout.activate else []),
            builder.upstream_command(layout.work, layout.python, script, variables),
        ),
    )


def layout_elsewhere(target: Target, facts: Facts) -> Layout:
    """Where things lie on a hosted runner of the target's system (its Visual Studio, NVIDIA's installation folder)."""
    cuda = target.cuda_version
    if target.system == "linux":
        toolkit: PurePath | None = PurePosixPath(f"/usr/local/cuda-{cuda}") if cuda else None
        return Layout(
            system="linux",
            work=LINUX_CACHE / "unfinished" / target.id,
            checkout=LINUX_CHECKOUT,
            toolkit=toolkit,
            activate=None,
            interpreter=f"python{target.python}",
        )
    folder = PROGRAM_FILES / "NVIDIA GPU Computing Toolkit" / "CUDA" / f"v{cuda}"
    return Layout(
        system="windows",
        work=WINDOWS_CACHE / "unfinished" / target.id,
        checkout=WINDOWS_CHECKOUT,
        toolkit=folder if cuda else None,
        interpreter=target.python,
        activate=activate_command(PROGRAM_FILES / _studio(facts, cuda), preferred_toolsets(facts, cuda)[0]),
    )


def activate_command(studio: PurePath, toolset: str) -> Command:
    """The call that makes a toolset of a Visual Studio installation the active one, in cmd.exe."""
    script = studio / "VC" / "Auxiliary" / "Build" / "vcvars64.bat"
    return Command(argv=("call", str(script), f"-vcvars_ver={toolset}"))


def planned_context(target: Target, facts: Facts, cell: Context) -> dict[str, str | bool]:
    """The cell's context with the toolchain that the facts name for it, for a system that is not this one."""
    cuda = target.cuda_version
    context = {**cell, **(toolkit_context(target, facts, cuda, "any") if cuda else {})}
    if target.system == "windows":
        line = preferred_toolsets(facts, cuda)[0]
        number = next(toolset.msc_ver for toolset in facts.toolsets if toolset.version == line)
        context |= msvc_context(facts, line, number, cuda, target.torch_minor)
    return context


def planned_toolchain(target: Target, facts: Facts) -> dict[str, str]:
    """The toolchain that the facts name for the cell, in words."""
    cuda = target.cuda_version
    host = f"MSVC toolset {preferred_toolsets(facts, cuda)[0]}" if target.system == "windows" else "g++"
    if cuda and target.system == "linux":
        host += f" up to {facts.cuda[cuda].gcc_max}"
    return {"host compiler": host, **({"CUDA toolkit": cuda} if cuda else {})}


def _studio(facts: Facts, cuda: str | None) -> PurePath:
    """`Microsoft Visual Studio/2022/Enterprise`, of the runner that the facts name: "2022 Enterprise 17.14"."""
    choice = next(row for row in facts.toolset_choices if (cuda in row.cuda if cuda else not row.cuda))
    year, edition, _ = (facts.runners[choice.runner].visual_studio or "").split(maxsplit=2)
    return PurePath("Microsoft Visual Studio", year, edition)
