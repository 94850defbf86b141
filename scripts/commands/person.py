"""`invoke find` and `invoke install`: the wheel for a person's environment, or what to change and why."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.table import Table

from scripts.ci.actions import site_address
from scripts.commands import cells
from scripts.commands.cli import print_document, print_for_people
from scripts.commands.index_site import open_published
from scripts.errors import InputError, NothingToDoError
from scripts.index.install_line import PROGRAMS, install_command
from scripts.index.previous import read_site
from scripts.install.choose import Choice, Rejection, choose
from scripts.install.environment import Environment, read_environment
from scripts.install.installation import Installation, torch_line
from scripts.plan.target import Target
from scripts.shell import WINDOWS, shell_line
from scripts.wheel.record import Published, WheelRecord

SHOWN = 3  # rejections


def find(python: str, deepspeed: str, index: str, store: str, json: bool) -> None:
    """Print which wheel fits, or the nearest and what to change; raises NothingToDoError when none fits."""
    published, environment, choice = _choose(python, deepspeed, index, store)
    if json:
        print_document(document(published, environment, choice))
    else:
        print_for_people(*_facts(environment), *(_offer(choice.wheel, published) if choice.wheel else ()))
    if choice.wheel is None:
        raise NothingToDoError(explanation(published, environment, choice))


def install(python: str, deepspeed: str, index: str, store: str, dry_run: bool, json: bool) -> None:
    """Install the wheel that fits; raises NothingToDoError, with the nearest and what to change, when none does."""
    published, environment, choice = _choose(python, deepspeed, index, store)
    if choice.wheel is None:
        raise NothingToDoError(explanation(published, environment, choice))
    installation = Installation(record=choice.wheel, published=published, environment=environment)
    lines = installation.lines()
    if not dry_run:
        installation.run()
    if json:
        print_document({"wheel": choice.wheel.as_document(), "run": lines, "installed": not dry_run})
    else:
        print_for_people(*(lines if dry_run else [f"installed {choice.wheel.file} into {environment.python}"]))


def _choose(python: str, deepspeed: str, index: str, store: str) -> tuple[Published, Environment, Choice]:
    if deepspeed and not re.fullmatch(r"\d+(\.\d+)*", deepspeed):
        raise InputError(f"--deepspeed {deepspeed!r}: give a release such as 0.16.5, or a minor line such as 0.16")
    published = _published(index, store)
    environment = read_environment(python)
    releases = cells.open_workshop().facts.torch
    abis = {minor: release.cxx11_abi for minor, release in releases.items()}
    return published, environment, choose(published.wheels, environment, deepspeed, abis)


def _published(index: str, store: str) -> Published:
    """What is offered at the place that was named: a site, else a store, else the wheelhouse of this checkout."""
    if index and store:
        raise InputError("give either --index or --store")
    place = index or ("" if store else site_address())
    return read_site(place) if place else open_published(store)


def document(published: Published, environment: Environment, choice: Choice) -> dict[str, Any]:
    """The answer of `invoke find` for JSON."""
    wheel = choice.wheel
    return {
        "environment": environment.as_document(),
        "wheel": wheel.as_document() if wheel else None,
        "command": line_to_paste(wheel, published) if wheel else None,
        "also_fit": [record.target.id for record in choice.fitting[1:]],
        "nearest": [
            {"id": rejection.record.target.id, "misfits": {misfit.what: misfit.reason for misfit in rejection.misfits}}
            for rejection in choice.rejected[:SHOWN]
        ],
    }


def explanation(published: Published, environment: Environment, choice: Choice) -> str:
    """Why no wheel fits, the nearest one, and what to change to use it."""
    nearest = choice.nearest
    if nearest is None:
        cure = "'invoke build' makes one for this machine, --index names a site that has some"
        return f"no wheels are offered at {published.url}; {cure}"
    torch = f"torch {environment.torch.version}" if environment.torch else "no torch"
    yours = f"Python {environment.version}, {torch}, {environment.platform}"
    lines = [*_nearest(nearest), *_cure(nearest, published, environment), *_why_no_cell(environment)]
    return "\n".join([f"none of {len(published.wheels)} wheels is for {yours}", *(f"  {line}" for line in lines)])


def _nearest(rejection: Rejection) -> list[str]:
    return [f"nearest: {rejection.record.file}", *(f"  {misfit.reason}" for misfit in rejection.misfits)]


def _cure(rejection: Rejection, published: Published, environment: Environment) -> list[str]:
    """What to type, when torch is all that stands between; else what to have."""
    what = {misfit.what for misfit in rejection.misfits}
    if what <= {"torch", "cuda"} and environment.torch is None:
        return [f"install its torch first: {torch_line(rejection.record, published, environment)}"]
    if what <= {"torch", "cuda"}:
        return [
            "to use it, give it an environment of its own, with its torch: "
            + torch_line(rejection.record, published, replace(environment, python=Path("python"), has_pip=True))
        ]
    return [f"to use it, have: {', '.join(sorted(what))} as it asks for"]


def _why_no_cell(environment: Environment) -> Sequence[str]:
    """What the plan says of the environment's own combination, of the newest DeepSpeed that it knows something of."""
    torch, plan = environment.torch, cells.open_workshop().plan
    if torch is None:
        return ()
    fields = (torch.minor, torch.variant, environment.version, environment.platform)
    planned = [planned.target for planned in plan.targets if _combination(planned.target) == fields]
    if planned:
        return [f"your own combination is planned, but not offered there: {max(planned, key=Target.sort_key).id}"]
    omitted = [omission for omission in plan.omitted if _combination(omission.target) == fields]
    newest = max(omitted, key=lambda omission: omission.target.sort_key(), default=None)
    return [f"your own combination is left out of the matrix: {newest.reason}"] if newest else []


def _combination(target: Target) -> tuple[str, ...]:
    return (target.torch_minor, target.cuda, target.python, target.platform)


def _facts(environment: Environment) -> list[Table]:
    table = Table("your environment", str(environment.python), title_justify="left")
    torch = environment.torch
    gpus = ", ".join(f"{gpu.name} ({gpu.capability})" for gpu in environment.machine.gpus)
    for name, value in (
        ("Python", f"{environment.implementation} {environment.version}"),
        ("platform", environment.platform),
        ("torch", f"{torch.version} ({torch.variant})" if torch else "not installed"),
        ("DeepSpeed", environment.deepspeed or "not installed"),
        ("GPU", gpus or "none found"),
        ("driver supports", f"CUDA {environment.machine.driver_cuda}" if environment.machine.driver_cuda else "-"),
    ):
        table.add_row(name, value)
    return [table]


def _offer(wheel: WheelRecord, published: Published) -> list[str]:
    return [
        f"{wheel.file} fits ({wheel.bytes / 1e6:.1f} MB, {len(wheel.ops)} ops). invoke install puts it in, or:",
        line_to_paste(wheel, published),
    ]


def line_to_paste(wheel: WheelRecord, published: Published, *, windows: bool = WINDOWS) -> str:
    """What to paste: by the index, or by the file itself for a folder of wheels, which has no index."""
    if wheel.url and wheel.url.startswith("file:"):
        return shell_line([*PROGRAMS["pip"], f"{wheel.url}#sha256={wheel.sha256}"], windows=windows)
    return install_command(wheel, published)
