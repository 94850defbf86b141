"""The one line that leads on for whom no wheel fits as things are; or why there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from scripts.carried import typed
from scripts.commands.project import open_project
from scripts.facts.load import load_facts
from scripts.install.choose import Choice, Rejection
from scripts.install.environment import Environment
from scripts.install.installation import torch_line
from scripts.install.machine_choice import best_for_machine
from scripts.shell import shell_line
from scripts.versions import in_order
from scripts.wheel.published import Published

OWN_ENVIRONMENT = "give it an environment of its own, with its torch"


def next_line(nearest: Rejection, published: Published, environment: Environment, asked: Sequence[str]) -> str:
    """What to type: for the nearest when only torch stands between, else for what this machine itself can run."""
    differs = {mismatch.what for mismatch in nearest.mismatches}
    if differs == {"deepspeed"}:
        return f"to use it: {_install(asked, '--deepspeed', nearest.record.target.deepspeed)}"
    if environment.torch is None and differs <= {"torch", "cuda", "deepspeed", "driver"}:
        return _without_torch(nearest, published, environment, asked)
    if environment.torch and environment.torch.gone and differs == {"torch"}:
        return f"to bring it back, and the wheel with it: {_install(asked, '--repair')}"
    if differs <= {"torch", "cuda", "deepspeed"}:
        return f"to use it, {OWN_ENVIRONMENT}: {_both(nearest, published, environment, asked)}"
    best = best_for_machine(published, environment)
    if best is None:
        return _why_none(published, environment)
    name = best.record.target.wheel_version
    return f"for this machine there is {name}; {OWN_ENVIRONMENT}: {_both(best, published, environment, asked)}"


def _both(wanted: Rejection, published: Published, environment: Environment, asked: Sequence[str]) -> str:
    """The torch of a wheel, then the wheel, in another environment; here both at once, where that comes to it."""
    own = _without(asked, "--python")
    release = ("--deepspeed", wanted.record.target.deepspeed) if "--deepspeed" in own else ()
    there = f"{_fresh(wanted, published, environment)}, then there {_install(own, *release)}"
    best = best_for_machine(published, environment, release[-1] if release else "")
    if best is None or best.record != wanted.record:
        return there
    return f"{there}; or change this one: {_install(asked, *release, '--repair')}"


def _without_torch(nearest: Rejection, published: Published, environment: Environment, asked: Sequence[str]) -> str:
    """Its torch first; for a card whose driver says nothing the driver before that, since nobody knows which torch."""
    line, graphics = torch_line(nearest.record, published, environment), environment.machine.graphics
    if graphics.is_unknown:
        name = next(gpu.name for gpu in graphics.gpus if gpu.maker == "NVIDIA")
        fix = load_facts().findings["graphics-driver"].fix[environment.system]
        return f"which CUDA the driver of {name} supports is unknown: {fix}, then ask again; for the CPU alone: {line}"
    return f"install its torch first: {line}; or both at once: {_install(asked, '--repair')}"


def _why_none(published: Published, environment: Environment) -> str:
    from scripts.plan.off_axis import why_never, why_off_axis  # here: who gets a line needs no rules

    project = open_project()
    mine = environment.version
    why = why_never("python", environment.implementation, project.facts)
    if mine not in project.matrix.python:
        why = why or why_off_axis("python", mine, project.matrix, project.facts)
    known = in_order({record.target.python for record in published.offered.wheels})
    span = known[0] if len(known) == 1 else f"{known[0]} to {known[-1]}"
    reason = why or (f"the wheels are for Python {span}" if mine not in known else "none is for its cards and driver")
    return f"there is none that Python {mine} on this machine can use as it is: {reason}"


def _install(asked: Sequence[str], *words: str) -> str:
    said = _without(asked, "--deepspeed") if "--deepspeed" in words else asked  # what is not to be had
    return f"{typed('install')} {shell_line([*said, *words])}".rstrip()


def _without(asked: Sequence[str], option: str) -> list[str]:
    """The words but for this option and its value."""
    place = asked.index(option) if option in asked else len(asked)
    return [*asked[:place], *asked[place + 2 :]]


def _fresh(wanted: Rejection, published: Published, environment: Environment) -> str:
    return torch_line(wanted.record, published, replace(environment, python=Path("python"), has_pip=True))


def left_unused(nearest: Rejection, environment: Environment, choice: Choice) -> list[str]:
    """That a wheel for the CPU leaves a card unused, and why no other wheel is for that card."""
    gpus = environment.machine.graphics.gpus
    if not gpus or environment.machine.graphics.is_unknown or nearest.record.target.cuda_version:
        return []
    nvidia = [gpu for gpu in gpus if gpu.maker == "NVIDIA"]
    if not nvidia:
        return [
            f"  it uses the CPU and leaves {gpus[0].name} unused: no wheels are made for the GPUs of {gpus[0].maker}"
        ]
    for row in choice.rejected.of(python=environment.version, platform=environment.platform):
        why = [mismatch.reason for mismatch in row.mismatches if mismatch.what in ("driver", "gpu")]
        if why and row.record.target.cuda_version:
            head = f"  it leaves {nvidia[0].name} unused: of the wheels for CUDA the nearest is {row.record.file}"
            return [f"{head}, but: {'; '.join(why)}"]
    return []


def unused_gpu(published: Published, environment: Environment) -> list[str]:
    """What to say of a torch for the CPU beside a GPU: what it leaves unused, and the line for both."""
    best = usable_gpu(published, environment)
    if best is None:
        return []
    cards = ", ".join(gpu.name for gpu in environment.machine.graphics.gpus if gpu.capability) or "an NVIDIA GPU"
    line = _fresh(best, published, environment)
    return [f"note: this torch is the build for the CPU, and leaves {cards} unused; with it: {line}"]


def usable_gpu(published: Published, environment: Environment) -> Rejection | None:
    """The wheel that would use the GPU beside which a torch for the CPU is installed; None where there is none."""
    torch = environment.torch
    if torch is None or torch.variant != "cpu" or environment.machine.graphics.driver_cuda is None:
        return None
    best = best_for_machine(published, environment)
    return best if best and best.record.target.cuda_version else None
