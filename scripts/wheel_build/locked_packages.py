"""The packages of an environment with the digests of their files: listed after a build, installed again elsewhere."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path, PurePath

from packaging.utils import canonicalize_name

from scripts.command import Command, Log, check, run
from scripts.errors import CommandError
from scripts.fetch.installer import Installer
from scripts.files import write_whole
from scripts.outgoing import redacted
from scripts.wheel_build.replay import Package

LIST = (
    "import importlib.metadata, json;"
    " print(json.dumps(sorted({(one.metadata['Name'], one.version) for one in importlib.metadata.distributions()})))"
)
LOCK_SECONDS = 120.0
ENTRY = re.compile(r"^\[\[packages\]\]$", re.M)
NAME = re.compile(r'^name = "([^"]+)"$', re.M)
FILES = {kind: re.compile(rf"^{kind} = (.+)$", re.M) for kind in ("wheels", "sdist")}
DIGEST = re.compile(r'sha256 = "([0-9a-f]{64})"')


def installed_packages(
    installer: Installer, python: Path, index: str | None, log: Log, *, without: str = ""
) -> tuple[Package, ...]:
    """The packages of an environment; their digests as its package client tells them, which a log line says if not.

    `index` is the one that torch came from, `without` a package that came from a file here.
    """
    outcome = run(Command(argv=(str(python), "-c", LIST)))
    if outcome.exit_code:
        log("what the environment holds is not known: its Python does not list it")
        return ()
    listed = [(name, version) for name, version in json.loads(outcome.output.splitlines()[-1]) if name != without]
    found = tuple(Package(name=name, version=version) for name, version in listed)
    digests = _digests(installer, python, found, index, log) if found and installer.uv else {}
    return tuple(replace(one, sha256=digests.get(canonicalize_name(one.name), ())) for one in found)


def lock_command(
    installer: Installer, python: PurePath, packages: Sequence[Package], file: PurePath, index: str | None
) -> Command:
    """Install exactly these packages, which `file` lists, checking their digests where all of them are known."""
    words = ["--no-deps", *(["--require-hashes"] if all(one.sha256 for one in packages) else []), "-r", str(file)]
    return installer.install(python, words, index=index)


def install_locked(
    installer: Installer, python: Path, packages: Sequence[Package], file: Path, index: str | None, log: Log
) -> None:
    """Install exactly these; raises CommandError for one that is not there any more, or is another file."""
    write_whole(file, "".join(f"{one.line}\n" for one in packages))
    command = lock_command(installer, python, packages, file, index)
    log(command.as_shell())
    check(command, run(command, log=log))


def _digests(
    installer: Installer, python: Path, packages: Iterable[Package], index: str | None, log: Log
) -> dict[str, tuple[str, ...]]:
    """By name, the digests of the wheels that fit the environment, else of the sdist."""
    command = installer.lock(python, [f"{one.name}=={one.version}" for one in packages], index=index)
    try:
        outcome = check(command, run(command, timeout_seconds=LOCK_SECONDS))
    except CommandError as error:
        log(f"no digests of the packages: {redacted(str(error))}")
        return {}
    return dict(_locked(outcome.output))


def _locked(lock: str) -> Iterable[tuple[str, tuple[str, ...]]]:
    """What uv's pylock.toml says; Python 3.10 has no reader of TOML."""
    for entry in ENTRY.split(lock)[1:]:
        lines = [match[1] for kind in FILES.values() if (match := kind.search(entry))]
        if (name := NAME.search(entry)) and lines:
            yield canonicalize_name(name[1]), tuple(DIGEST.findall(lines[0]))
