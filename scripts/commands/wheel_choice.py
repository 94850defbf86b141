"""Which of the wheels on offer fits an environment; when none does, why, and what to change."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.ci.actions import site_address
from scripts.commands.project import open_project
from scripts.commands.task_options import FindOptions
from scripts.errors import InputError, NothingToDoError
from scripts.facts.load import load_facts
from scripts.index.install_line import PROGRAMS, install_command
from scripts.install.choose import Choice, Rejection, choose
from scripts.install.environment import Environment, Torch, read_environment
from scripts.install.installation import torch_line
from scripts.plan.target import Target
from scripts.shell import WINDOWS, shell_line
from scripts.versions import minor_of
from scripts.wheel.published import Published
from scripts.wheel.record import WheelRecord

if TYPE_CHECKING:
    from scripts.plan.expand import Plan


def choose_wheel(options: FindOptions) -> tuple[Published, Environment, Choice]:
    """What is offered, the environment, and which wheel fits; raises InputError for options that cannot be used."""
    deepspeed = options.deepspeed
    if deepspeed and not re.fullmatch(r"\d+(\.\d+)*", deepspeed):
        raise InputError(
            f"--deepspeed {deepspeed!r}: give a release such as 0.16.5, or a minor line such as 0.16",
            id="value-not-accepted",
        )
    published = _published(options.index, options.store)
    environment = read_environment(options.python)
    releases = load_facts().torch
    abis = {minor: release.cxx11_abi for minor, release in releases.items()}
    return published, environment, choose(published.offered.wheels, environment, deepspeed, abis)


def _published(index: str, store: str) -> Published:
    """What is offered by what was named: a site, else a store, else the wheelhouse of this checkout."""
    if index and store:
        raise InputError("give either --index or --store", id="options-conflict")
    address = index or ("" if store else site_address())
    if address:
        from scripts.index.published_site import read_site  # each way is imported when it is gone: a person waits

        return read_site(address)
    from scripts.commands.store_wheels import open_published

    return open_published(store)


def none_fits(published: Published, environment: Environment, choice: Choice) -> NothingToDoError:
    """The error of `find` and `install` when no wheel fits."""
    message = explanation(published, environment, choice)
    if choice.nearest is None:
        return NothingToDoError(message, id="no-wheels-offered")
    return NothingToDoError(message, id="no-wheel-fits")


def explanation(published: Published, environment: Environment, choice: Choice) -> str:
    """Why no wheel fits, the nearest one, and what to change to use it."""
    nearest = choice.nearest
    if nearest is None:
        hint = "'invoke build' makes one for this machine, --index names a site that has some"
        return "\n".join([f"no wheels are offered at {published.url}; {hint}", *_withdrawn(published, environment)])
    torch = f"torch {environment.torch.version}" if environment.torch else "no torch"
    yours = f"Python {environment.version}, {torch}, {environment.platform}"
    lines = [*_nearest(nearest), *_hint(nearest, published, environment), *_why_not_offered(environment)]
    head = f"none of {len(published.offered.wheels)} wheels is for {yours}"
    return "\n".join([head, *(f"  {line}" for line in lines), *_withdrawn(published, environment)])


def _nearest(rejection: Rejection) -> list[str]:
    return [f"nearest: {rejection.record.file}", *(f"  {mismatch.reason}" for mismatch in rejection.mismatches)]


def _hint(rejection: Rejection, published: Published, environment: Environment) -> list[str]:
    """What to type, when torch is all that stands between; else what to have."""
    what = {mismatch.what for mismatch in rejection.mismatches}
    if what <= {"torch", "cuda"} and environment.torch is None:
        return [f"install its torch first: {torch_line(rejection.record, published, environment)}"]
    if what <= {"torch", "cuda"}:
        return [
            "to use it, give it an environment of its own, with its torch: "
            + torch_line(rejection.record, published, replace(environment, python=Path("python"), has_pip=True))
        ]
    return [f"to use it, have: {', '.join(sorted(what))} as it asks for"]


def _withdrawn(published: Published, environment: Environment) -> list[str]:
    """The wheels that would fit, had they not turned out to be bad."""
    fitting = choose((record for record in published.wheels if record.yanked), environment).fitting
    return [f"  withdrawn: {record.file}: {record.yanked}" for record in fitting]


def _why_not_offered(environment: Environment) -> Sequence[str]:
    """What the plan says of the environment's own combination, for the newest DeepSpeed that it has."""
    if environment.torch is None:
        return ()
    plan = _plan_of(environment, environment.torch)
    planned = [planned.target for planned in plan.targets]
    if planned:
        return [f"your own combination is planned, but not offered there: {max(planned, key=Target.sort_key).id}"]
    newest = max(plan.excluded, key=lambda excluded: excluded.target.sort_key(), default=None)
    return [f"your own combination is excluded from the matrix: {newest.reason}"] if newest else []


def _plan_of(environment: Environment, torch: Torch) -> Plan:
    """The plan of the environment's own combination, with every DeepSpeed."""
    from scripts.plan.expand import axes_of, expand, narrowed  # here: an environment with a wheel needs no plan

    project = open_project()
    axes = axes_of(project.matrix, project.facts)
    wanted = {
        "torch": [release for release in axes["torch"] if minor_of(release) == torch.minor],
        "cuda": [torch.variant],
        "python": [environment.version],
        "platform": [environment.platform],
    }
    return expand(project.matrix, project.facts, axes=narrowed(axes, wanted))


def note_lines(wheel: WheelRecord) -> list[str]:
    """What to know before the wheel is installed, a line for each note."""
    return [f"note: {text}" for text in wheel.notes.values()]


def line_to_paste(wheel: WheelRecord, published: Published, *, windows: bool = WINDOWS) -> str:
    """What to paste: by the index, or by the file itself for a directory of wheels, which has no index."""
    if wheel.url and wheel.url.startswith("file:"):
        return shell_line([*PROGRAMS["pip"], f"{wheel.url}#sha256={wheel.sha256}"], windows=windows)
    return install_command(wheel, published, shell="cmd" if windows else "sh")
