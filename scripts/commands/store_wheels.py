"""The wheels that a store has, wherever it is: what an index offers and `invoke find` chooses from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from scripts.ci.actions import pages_address, this_step
from scripts.commands.answer import log_line
from scripts.commands.project import open_project
from scripts.dirs import default_dirs
from scripts.errors import InputError
from scripts.files import Content
from scripts.index.wheel_notes import with_notes
from scripts.wheel.published import Published, publish_records
from scripts.wheel.record import WheelRecord
from scripts.wheel.wheelhouse import filed_wheels, site_files


def open_published(store: str) -> Published:
    """The wheels of a store, or of the wheelhouse of this checkout, where they are."""
    if store.startswith("github:"):
        from scripts.commands.github_wheels import github_wheels, published_there

        url = pages_address(repository_of(store))
        records = github_wheels(store, published_there(url))
    else:
        directory = _directory(store)
        wheels = filed_wheels(directory, log_line) if store or directory.is_dir() else {}
        records = [replace(record, url=wheel.resolve().as_uri()) for wheel, record in wheels.items()]
        url = directory.resolve().as_uri()
    project = open_project()
    return publish_records(with_notes(records, project.facts), url=url, torch_index=project.matrix.torch_index)


def offered(store: str, known: Iterable[WheelRecord]) -> tuple[list[WheelRecord], dict[str, Content]]:
    """The wheels of the store, and those files that the site itself must have, since nobody else serves them."""
    if repository_of(store):
        from scripts.commands.github_wheels import github_wheels

        return github_wheels(store, known), {}
    wheels = filed_wheels(_directory(store), log_line)
    return list(wheels.values()), site_files(wheels)


def repository_of(store: str) -> str:
    """`OWNER/REPO` of a store on GitHub, which is the workflow's own where none is named; empty for another."""
    kind, _, name = store.partition(":")
    step = None if store else this_step()
    return name if kind == "github" else step.repository if step else ""


def _directory(store: str) -> Path:
    """The directory of `dir:PATH`; the wheelhouse when nothing is named."""
    kind, _, name = store.partition(":")
    if store and kind != "github" and (kind != "dir" or not name):
        raise InputError(f"--store {store!r}: give dir:PATH or github:OWNER/REPO", id="store-not-known")
    return Path(name) if store else default_dirs().wheelhouse
