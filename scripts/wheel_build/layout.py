"""Where the things of one build lie, on this machine or on one of the target's system."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath, PurePosixPath, PureWindowsPath

from scripts.command import Command
from scripts.dirs import CACHE_VARIABLE, CHECKOUT, OUTPUT_VARIABLE, Dirs
from scripts.facts.facts import Facts
from scripts.fetch.installer import Installer, find_installer
from scripts.host import find_interpreter
from scripts.outgoing import reference
from scripts.toolchain.cuda.provide import FETCHED, release_of, toolkit_directory
from scripts.toolchain.host_compiler import PROGRAM_FILES
from scripts.wheel_build.build_plan import BuildPlan

WINDOWS_CACHE = PureWindowsPath(reference("LOCALAPPDATA"), "deepspeed-wheels/Cache")
LINUX_CACHE = PurePosixPath("/var/tmp/deepspeed-wheels")
WINDOWS_CHECKOUT, LINUX_CHECKOUT = PureWindowsPath(reference("CHECKOUT")), PurePosixPath("/var/tmp/checkout")


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Where the things of one build lie, and what starts its programs there."""

    work: PurePath
    checkout: PurePath
    toolkit: PurePath | None
    interpreter: str  # the target's Python
    runner: str  # the Python that runs this tool
    installer: Installer
    variables: Mapping[str, str]  # that every line needs


def layout_here(plan: BuildPlan, facts: Facts, dirs: Dirs) -> Layout:
    """Where a build on this machine has its things; a toolkit that is not here is where it will be fetched to."""
    installer = find_installer()
    directories = {CACHE_VARIABLE: str(dirs.cache), OUTPUT_VARIABLE: str(dirs.wheelhouse.parent)}
    variables = {name: value for name, value in directories.items() if name in os.environ}
    return Layout(
        work=dirs.work(plan.target.id),
        checkout=CHECKOUT,
        toolkit=_toolkit_here(plan, facts, dirs),
        interpreter=find_interpreter(plan.target.python) or "python",
        runner=sys.executable,
        installer=installer,
        variables={**variables, **installer.variables()},
    )


def layout_elsewhere(plan: BuildPlan) -> Layout:
    """Where things lie on a hosted runner of the target's system, by the variables that its shell knows."""
    target, cuda = plan.target, plan.toolchain.cuda
    if plan.system == "linux":
        return Layout(
            work=LINUX_CACHE / "unfinished" / target.id,
            checkout=LINUX_CHECKOUT,
            toolkit=PurePosixPath(f"/usr/local/cuda-{cuda}") if cuda else None,
            interpreter=f"python{target.python}",
            runner="python",
            installer=Installer(uv="uv"),
            variables={CACHE_VARIABLE: str(LINUX_CACHE)},
        )
    return Layout(
        work=WINDOWS_CACHE / "unfinished" / target.id,
        checkout=WINDOWS_CHECKOUT,
        toolkit=PROGRAM_FILES / "NVIDIA GPU Computing Toolkit" / "CUDA" / f"v{cuda}" if cuda else None,
        interpreter=target.python,
        runner="python",
        installer=Installer(uv="uv"),
        variables={},
    )


def _toolkit_here(plan: BuildPlan, facts: Facts, dirs: Dirs) -> PurePath | None:
    toolchain, choice = plan.toolchain, plan.options.toolkit
    if toolchain.toolkit or not toolchain.cuda:
        return toolchain.toolkit.root if toolchain.toolkit else None
    source = choice if choice in FETCHED else FETCHED[0]
    return toolkit_directory(dirs.cache, release_of(toolchain.cuda, facts), source)


def activate_command(plan: BuildPlan) -> Command | None:
    """The call that makes the plan's MSVC toolset the active one, in cmd.exe; None on Linux."""
    host = plan.toolchain.host
    if plan.system != "windows":
        return None
    script = PureWindowsPath(host.directories["studio"], "VC", "Auxiliary", "Build", "vcvars64.bat")
    return Command(argv=("call", str(script), f"-vcvars_ver={host.context['toolset']}"))
