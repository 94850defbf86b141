"""`invoke install`: the wheel for an environment, installed into it."""

from __future__ import annotations

from dataclasses import replace

from scripts.commands.answer import log_line, print_document, print_lines
from scripts.commands.explained_error import explained, heard_cause
from scripts.commands.repair import Repair, repair_of
from scripts.commands.task_options import InstallOptions
from scripts.commands.wheel_choice import choose_for, choose_wheel, none_fits, note_lines, unused_gpu, wrong_installed
from scripts.errors import CommandError
from scripts.install.choose import Choice
from scripts.install.environment import Environment, read_environment
from scripts.install.installation import Installation
from scripts.install.keeping import Loaded
from scripts.wheel.published import Published


def install(options: InstallOptions) -> None:
    """Install the wheel that fits; raises NothingToDoError, with the nearest and what to change, when none does."""
    published, environment, choice = _chosen(options)
    record, before = choice.wheel, list[str]()
    if options.repair:
        bare = choose_for(published, replace(environment, torch=None), options.deepspeed)
        unused = bool(unused_gpu(published, environment))
        repair = repair_of(published, environment, choice, bare, unused=unused)
        if repair is None:
            raise none_fits(published, environment, choice)
        record, before = repair.record, repair.lines()
        _bring_torch(repair, dry_run=options.dry_run)
        if before and not options.dry_run:
            environment = read_environment(options.python)
            choice = choose_for(published, environment, options.deepspeed)
    if record is None:
        raise none_fits(published, environment, choice)
    wrong = wrong_installed(environment, choice)
    installation = Installation(
        record=record, published=published, environment=environment, replaces_itself=bool(wrong or options.wheel)
    )
    for line in [*(f"{text}; {record.file} replaces it" for text in wrong), *note_lines(record)]:
        log_line(line)
    loaded = None if options.dry_run else _run(installation)
    _tell(options, installation, before, loaded)


def _tell(options: InstallOptions, installation: Installation, before: list[str], loaded: Loaded | None) -> None:
    record, lines = installation.record, [*before, *installation.lines()]
    if options.json:
        works = {"works": loaded.sentence} if loaded else {}
        print_document({"wheel": record.as_document(), "run": lines, "installed": loaded is not None, **works})
    else:
        done = f"installed {record.file} into {installation.environment.python}"
        print_lines([f"{done}: {loaded.sentence}"] if loaded else lines)


def _bring_torch(repair: Repair, *, dry_run: bool) -> None:
    """The lines first, then torch."""
    for line in repair.lines():
        log_line(line)
    if not dry_run:
        repair.run()


def _chosen(options: InstallOptions) -> tuple[Published, Environment, Choice]:
    if not options.wheel:
        return choose_wheel(options)
    from scripts.commands.wheel_file import offer_of_file  # who takes a published one reads no wheel

    published, environment = offer_of_file(options)
    return published, environment, choose_for(published, environment)


def _run(installation: Installation) -> Loaded:
    """Install; an error of the package client says why, from what it said."""
    heard: list[str] = []
    try:
        return installation.run(heard.append)
    except CommandError as error:
        raise explained(error, heard_cause([*heard, error.line], "the output of the package client")) from None
