"""`invoke find`: the wheel for an environment, or what to change and why."""

from __future__ import annotations

from itertools import islice
from typing import Any

from scripts.carried import typed
from scripts.commands.answer import print_document, print_lines
from scripts.commands.install_options import FindOptions
from scripts.commands.next_line import unused_gpu
from scripts.commands.wheel_choice import (
    asked_words,
    choose_wheel,
    idle_cards,
    line_to_paste,
    none_fits,
    note_lines,
    within_reach,
    wrong_installed,
)
from scripts.errors import InputError
from scripts.graphics import Graphics
from scripts.install.choose import Choice
from scripts.install.environment import Environment
from scripts.install.machine_choice import best_for_machine
from scripts.shell import shell_line
from scripts.wheel.published import Published
from scripts.wheel.record import WheelRecord

SHOWN = 3  # rejections
REINSTALL = (
    f"note: this very version is installed already: let {typed('install')} replace it, or add"
    " --force-reinstall --no-deps to the line (uv: --reinstall-package deepspeed)"
)


def find(options: FindOptions) -> None:
    """Print which wheel fits, or the nearest and what to change; raises NothingToDoError when none fits."""
    published, environment, choice = choose_wheel(options)
    if options.format == "uv":
        _print_project(options, published, environment, choice)
        return
    if options.json:
        print_document(document(published, environment, choice, named=bool(options.python)))
    else:
        print_lines(
            [
                *_facts(environment),
                *(_offer(choice.wheel, published, environment, choice, options) if choice.wheel else ()),
            ]
        )
    if choice.wheel is None:
        raise none_fits(published, environment, choice, asked_words(options))


def _print_project(options: FindOptions, published: Published, environment: Environment, choice: Choice) -> None:
    """A project of uv for the wheel, or, since it brings its own torch, for the best that this machine runs."""
    from scripts.index.uv_project import uv_project  # here: most ask for something else

    best = None if choice.wheel else best_for_machine(published, environment, options.deepspeed)
    wheel = choice.wheel or (best.record if best else None)
    if wheel is None:
        raise none_fits(published, environment, choice, asked_words(options))
    if published.url.startswith("file:"):
        raise InputError(
            "--format uv needs the address of a site, and these wheels lie in a folder: name one with --index",
            id="options-conflict",
        )
    project = uv_project(wheel.target, published)
    if options.json:
        print_document({"wheel": wheel.as_document(), "pyproject": project})
    else:
        print_lines(project.splitlines())


def document(published: Published, environment: Environment, choice: Choice, *, named: bool = False) -> dict[str, Any]:
    """The answer of `invoke find` for JSON."""
    wheel = choice.wheel
    return {
        "environment": environment.as_document(),
        "wheel": wheel.as_document() if wheel else None,
        "command": line_to_paste(wheel, published, environment, named=named) if wheel else None,
        "wrong": wrong_installed(environment, choice),
        "also_fit": [record.target.id for record in choice.fitting[1:]],
        "nearest": [
            {
                "id": rejection.record.target.id,
                "misfits": {mismatch.what: mismatch.reason for mismatch in rejection.mismatches},
            }
            for rejection in islice(within_reach(choice), SHOWN)
        ],
    }


def _facts(environment: Environment) -> list[str]:
    """The environment in lines, values below one another: a table of rich takes longer to import than to read."""
    torch = environment.torch
    graphics = environment.machine.graphics
    gpus = ", ".join(f"{gpu.name} ({gpu.capability or gpu.maker})" for gpu in graphics.gpus)
    facts = {
        "your environment": str(environment.python),
        "Python": f"{environment.implementation} {environment.version}",
        "platform": " ".join(
            [environment.platform, *([f"({environment.c_library})"] if environment.c_library else [])]
        ),
        "torch": f"{torch.version} ({torch.variant})" if torch else "not installed",
        "DeepSpeed": environment.deepspeed or "not installed",
        "GPU": gpus or "none found",
        "driver supports": _driver(graphics),
    }
    widest = max(map(len, facts))
    return [f"{name:{widest}}  {value}" for name, value in facts.items()]


def _driver(graphics: Graphics) -> str:
    if graphics.is_unknown:
        return "unknown: the driver of this card does not say; is it installed?"
    return f"CUDA {graphics.driver_cuda}" if graphics.driver_cuda else "-"


def _offer(
    wheel: WheelRecord, published: Published, environment: Environment, choice: Choice, options: FindOptions
) -> list[str]:
    install = f"{typed('install')} {shell_line(asked_words(options))}".rstrip()
    wrong = wrong_installed(environment, choice)
    again = [REINSTALL] if wrong and environment.deepspeed == wheel.target.wheel_version else []
    return [
        *wrong,
        f"{wheel.file} fits ({wheel.bytes / 1e6:.1f} MB, {len(wheel.ops)} ops). {install} puts it in, or:",
        line_to_paste(wheel, published, environment, named=bool(options.python)),
        *again,
        *note_lines(wheel),
        *idle_cards(wheel, environment),
        *unused_gpu(published, environment),
    ]
