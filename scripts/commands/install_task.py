"""`invoke install`: the wheel for an environment, installed into it."""

from __future__ import annotations

from scripts.commands.answer import log_line, print_document, print_lines
from scripts.commands.explained_error import explained, heard_cause
from scripts.commands.task_options import InstallOptions
from scripts.commands.wheel_choice import choose_for, choose_wheel, none_fits, note_lines, wrong_installed
from scripts.errors import CommandError
from scripts.install.choose import Choice
from scripts.install.environment import Environment
from scripts.install.installation import Installation
from scripts.wheel.published import Published


def install(options: InstallOptions) -> None:
    """Install the wheel that fits; raises NothingToDoError, with the nearest and what to change, when none does."""
    published, environment, choice = _chosen(options)
    if choice.wheel is None:
        raise none_fits(published, environment, choice)
    wrong = wrong_installed(environment, choice)
    installation = Installation(
        record=choice.wheel, published=published, environment=environment, replaces_itself=bool(wrong or options.wheel)
    )
    lines = installation.lines()
    for line in [*(f"{text}; {choice.wheel.file} replaces it" for text in wrong), *note_lines(choice.wheel)]:
        log_line(line)
    if not options.dry_run:
        _run(installation)
    if options.json:
        print_document({"wheel": choice.wheel.as_document(), "run": lines, "installed": not options.dry_run})
    else:
        print_lines(lines if options.dry_run else [f"installed {choice.wheel.file} into {environment.python}"])


def _chosen(options: InstallOptions) -> tuple[Published, Environment, Choice]:
    if not options.wheel:
        return choose_wheel(options)
    from scripts.commands.wheel_file import offer_of_file  # who takes a published one reads no wheel

    published, environment = offer_of_file(options)
    return published, environment, choose_for(published, environment)


def _run(installation: Installation) -> None:
    """Install; an error of the package client says why, from what it said."""
    heard: list[str] = []
    try:
        installation.run(heard.append)
    except CommandError as error:
        raise explained(error, heard_cause([*heard, error.line], "the output of the package client")) from None
