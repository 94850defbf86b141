"""Which targets this machine can build, and which of them a build means."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from scripts.command import check, run
from scripts.commands.answer import log_line
from scripts.commands.project import Project
from scripts.errors import NothingToDoError, PrerequisiteError
from scripts.fetch.installer import environment_python, find_installer
from scripts.graphics import Graphics, read_graphics
from scripts.host import describe, find_interpreter, this_host
from scripts.install.runnable_targets import for_cards, newest_deepspeed
from scripts.plan.expand import Plan
from scripts.plan.off_axis import why_off_axis
from scripts.plan.selection import Selection
from scripts.plan.target import Target


def buildable(plan: Plan) -> tuple[Target, ...]:
    """The targets of the plan that this machine can build: of its platform and a Python it has."""
    platform = this_host().platform
    targets = [planned.target for planned in plan.targets]
    return tuple(target for target in targets if why_not_here(target, platform) is None)


def why_not_here(target: Target, platform: str) -> str | None:
    """What this machine lacks to build `target`; None when it can."""
    if target.platform != platform:
        return f"it is for {target.platform}; this is {describe()}"
    if not find_interpreter(target.python):
        return f"Python {target.python} is not installed here; install it and put it on PATH"
    return None


def require_here(target: Target) -> None:
    """Raise PrerequisiteError when this machine lacks the target's platform or Python."""
    if reason := why_not_here(target, this_host().platform):
        raise PrerequisiteError(f"{target.id}: {reason}", id="cannot-build-here")


def require_platform(target: Target) -> None:
    """Raise PrerequisiteError when this machine is not of the target's platform."""
    platform = this_host().platform
    if target.platform != platform:
        raise PrerequisiteError(f"{target.id}: {why_not_here(target, platform)}", id="cannot-build-here")


def targets_to_build(project: Project, selection: Selection, *, anywhere: bool = False) -> tuple[Target, ...]:
    """The targets that a build was asked for; the host's own when nothing was selected.

    Where no DeepSpeed is named the newest is meant, and where no platform is named this one. Raises PrerequisiteError
    when this machine can build none of them, unless `anywhere`; NothingToDoError for an empty selection.
    """
    if selection.is_empty:
        return (host_target(project),)
    platform = this_host().platform
    chosen = [planned.target for planned in project.select(selection).targets]
    if not (selection.deepspeed or selection.id):
        chosen = newest_deepspeed(chosen)
    here = [target for target in chosen if target.platform == platform]
    if anywhere:
        return tuple(here or chosen)
    refusals = {target.id: why_not_here(target, platform) for target in here or chosen}
    if all(refusals.values()):
        refused = [f"  {name}: {why}" for name, why in refusals.items()]
        raise PrerequisiteError("\n".join(["cannot build here:", *refused[:10]]), id="cannot-build-here")
    return tuple(here)


def host_target(project: Project) -> Target:
    """The newest DeepSpeed for this Python, platform and GPU driver, with the newest torch that is available here."""
    from scripts.wheel_build.build_environment import install_torch
    from scripts.wheel_build.torch_routes import torch_routes

    host = this_host()
    graphics, arches = read_graphics(), project.matrix.arches
    if graphics.is_unknown:
        raise PrerequisiteError(
            f"{graphics.gpus[0].name} is here, and which CUDA its driver supports is unknown; name one: --cuda 13.0",
            id="driver-unknown",
        )
    possible = [target for target in buildable(project.plan) if target.python == host.python]
    targets = for_cards(possible, graphics, arches)
    if possible and not targets:
        log_line(f"note: {_no_variant(graphics)}, so the target is one for the CPU")
        targets = [target for target in possible if target.cuda_version is None]
    if not targets:
        asked = {"python": host.python, "platform": host.platform}
        why = [reason for axis, value in asked.items() if (reason := _why_not(axis, value, project))]
        raise NothingToDoError(
            "\n  ".join([f"the matrix has no target for {describe()}; 'invoke plan' lists what it has", *why]),
            id="no-target-for-host",
        )
    candidates = sorted(newest_deepspeed(targets), key=Target.sort_key, reverse=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as directory:
        python = _empty_environment(Path(directory) / "probe")
        for target in candidates:
            routes = torch_routes(target, project.facts.torch[target.torch_minor], project.matrix.torch_index)
            if install_torch(find_installer(), python, routes, dry_run=True):
                return target
    tried = ", ".join(f"{target.torch} {target.cuda}" for target in candidates)
    raise PrerequisiteError(
        f"torch is not available here for Python {host.python} (tried {tried})", id="torch-not-available"
    )


def _no_variant(graphics: Graphics) -> str:
    cards = ", ".join(f"{gpu.name} ({gpu.capability})" for gpu in graphics.gpus if gpu.capability)
    if not cards:
        return f"no CUDA variant of the plan runs with a driver for CUDA {graphics.driver_cuda}"
    return f"no CUDA variant of the plan has code for {cards} and runs with a driver for CUDA {graphics.driver_cuda}"


def _why_not(axis: str, value: str, project: Project) -> str | None:
    on_axis = getattr(project.matrix, axis)
    return None if value in on_axis else why_off_axis(axis, value, project.matrix, project.facts)


def _empty_environment(directory: Path) -> Path:
    command = find_installer().create(directory, sys.executable)
    check(command, run(command))
    return environment_python(directory)
