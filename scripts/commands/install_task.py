"""`invoke install`: the wheel for an environment, installed into it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from scripts.commands.answer import log_line, print_document, print_lines
from scripts.commands.explained_error import explained, heard_cause
from scripts.commands.install_options import InstallOptions
from scripts.commands.next_line import usable_gpu
from scripts.commands.repair import Repair, repair_of
from scripts.commands.wheel_choice import asked_words, choose_wheel, idle_cards, none_fits, note_lines, wrong_installed
from scripts.errors import CommandError, InputError
from scripts.install.attested import Attestation, check_attestation
from scripts.install.choose import Choice
from scripts.install.environment import Environment, read_environment
from scripts.install.installation import Installation
from scripts.install.keeping import Loaded
from scripts.install.machine_choice import best_for_machine, choose_for
from scripts.install.wheel_download import downloaded
from scripts.shell import shell_line
from scripts.wheel.published import Published


@dataclass(frozen=True, kw_only=True)
class Done:
    """What an installation came to."""

    loaded: Loaded
    attestation: Attestation


def install(options: InstallOptions) -> None:
    """Install the wheel that fits; raises NothingToDoError, with the nearest and what to change, when none does."""
    published, environment, choice = _chosen(options)
    if options.bundle:
        _bundle(options, published, environment, choice)
        return
    record, before = choice.wheel, list[str]()
    if options.repair:
        repair = _repair(options, published, environment, choice)
        record, before = repair.record, repair.lines()
        environment = _with_torch(repair, environment, options)
        choice = choose_for(published, environment, options.deepspeed)
    if record is None:
        raise none_fits(published, environment, choice, asked_words(options))
    wrong = wrong_installed(environment, choice)
    installation = Installation(
        record=record, published=published, environment=environment, replaces_itself=bool(wrong or options.wheel)
    )
    for line in [
        *(f"{text}; {record.file} replaces it" for text in wrong),
        *note_lines(record),
        *idle_cards(record, environment),
    ]:
        log_line(line)
    done = None if options.dry_run else _run(installation, options.attestation)
    _tell(options, installation, before, done)


def _bundle(options: InstallOptions, published: Published, environment: Environment, choice: Choice) -> None:
    """Write a bundle of the wheel that fits, or, since it brings its torch, of the best that this machine runs."""
    from scripts.install.bundle import Bundle, require_free, write_bundle  # here: most install

    best = None if choice.wheel or environment.torch else best_for_machine(published, environment, options.deepspeed)
    record = choice.wheel or (best.record if best else None)
    if record is None:
        raise none_fits(published, environment, choice, asked_words(options))
    if options.repair:
        raise InputError("--bundle changes nothing here, and --repair does: give one of them", id="options-conflict")
    folder, bundle = Path(options.bundle), Bundle(record=record, published=published, environment=environment)
    require_free(folder)
    if options.dry_run:
        lines = [shell_line(bundle.words(published.address(record), folder / "wheels"))]
        print_document({"wheel": record.as_document(), "run": lines}) if options.json else print_lines(lines)
        return
    with downloaded(record, published, log_line) as file:
        attestation = check_attestation(file, published.address(record), options.attestation)
        log_line(attestation.sentence if attestation.checked else f"note: {attestation.sentence}")
        size = write_bundle(bundle, file, folder)
    if options.json:
        said = {"attestation": attestation.sentence, "bytes": size, "bundle": str(folder.resolve())}
        print_document({"wheel": record.as_document(), **said})
    else:
        script = "install.cmd" if record.target.system == "windows" else "sh install.sh"
        done = f"{record.file}, torch {bundle.torch} and what they require: {size / 1e6:,.0f} MB in {folder}"
        print_lines([done, f"there, with Python {record.target.python}: {script} PYTHON"])


def _tell(options: InstallOptions, installation: Installation, before: list[str], done: Done | None) -> None:
    record, lines = installation.record, [*before, *installation.lines()]
    if options.json:
        works = {"works": done.loaded.sentence, "attestation": done.attestation.sentence} if done else {}
        print_document({"wheel": record.as_document(), "run": lines, "installed": done is not None, **works})
    elif done:
        print_lines([f"installed {record.file} into {installation.environment.python}: {done.loaded.sentence}"])
    else:
        print_lines(lines)


def _repair(options: InstallOptions, published: Published, environment: Environment, choice: Choice) -> Repair:
    """What brings back a set that fits; raises NothingToDoError where nothing that is offered runs here."""
    bare = choose_for(published, replace(environment, torch=None), options.deepspeed)
    found = repair_of(published, environment, choice, bare, unused=usable_gpu(published, environment) is not None)
    if found is None:
        raise none_fits(published, environment, choice, asked_words(options))
    return found


def _with_torch(repair: Repair, environment: Environment, options: InstallOptions) -> Environment:
    """The environment once it has that torch: all lines are shown first, and a dry run shows them alone."""
    after = repair.environment_after(environment)
    if not repair.torch or options.dry_run:
        return after
    planned = Installation(record=repair.record, published=repair.published, environment=after)
    for line in [*repair.lines(), *planned.lines()]:
        log_line(line)
    repair.run()
    return read_environment(options.python)


def _chosen(options: InstallOptions) -> tuple[Published, Environment, Choice]:
    if not options.wheel:
        return choose_wheel(options)
    from scripts.commands.wheel_file import offer_of_file  # who takes a published one reads no wheel

    published, environment = offer_of_file(options)
    return published, environment, choose_for(published, environment)


def _run(installation: Installation, wish: str) -> Done:
    """Download, check and install; an error of the package client says why, from what it said."""
    record, published, heard = installation.record, installation.published, list[str]()
    with downloaded(record, published, log_line) as file:
        attestation = check_attestation(file, published.address(record), wish)
        log_line(attestation.sentence if attestation.checked else f"note: {attestation.sentence}")
        try:
            loaded = replace(installation, file=file).run(heard.append)
        except CommandError as error:
            raise explained(error, heard_cause([*heard, error.line], "the output of the package client")) from None
    return Done(loaded=loaded, attestation=attestation)
