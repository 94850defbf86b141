"""The wheels that a store has, wherever it is: what an index offers and `invoke find` chooses from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from scripts.ci.actions import pages_address, this_step
from scripts.commands.answer import log_line
from scripts.commands.project import open_project
from scripts.dirs import default_dirs
from scripts.errors import InputError, WheelsError
from scripts.files import Content
from scripts.index.wheel_notes import with_notes
from scripts.wheel.published import Published, publish_records
from scripts.wheel.record import WheelRecord
from scripts.wheel.wheelhouse import filed_wheels, site_files


@dataclass(frozen=True, kw_only=True)
class Offer:
    """What a store has for an index."""

    records: Sequence[WheelRecord]
    files: Mapping[str, Content]  # that the site itself must have, since nobody else serves them
    damaged: Sequence[str]  # why each of the others is left out


def open_published(store: str) -> Published:
    """The wheels of a store, or of the wheelhouse of this checkout, where they are; damaged ones are passed over."""
    if store.startswith("github:"):
        from scripts.commands.github_wheels import github_wheels, published_there

        url = pages_address(repository_of(store))
        records = github_wheels(store, published_there(url), _log_damage)
    else:
        directory = _directory(store)
        wheels = filed_wheels(directory, log_line, _log_damage) if store or directory.is_dir() else {}
        records = [replace(record, url=wheel.resolve().as_uri()) for wheel, record in wheels.items()]
        url = directory.resolve().as_uri()
    project = open_project()
    return publish_records(with_notes(records, project.facts), url=url, torch_index=project.matrix.torch_index)


def offered(store: str, known: Iterable[WheelRecord]) -> Offer:
    """The wheels of the store; one that is damaged is logged and keeps no other back.

    A workflow that publishes waits for GitHub's rate limit; a person is told until when it holds.
    """
    damaged: list[str] = []

    def damage(reason: str) -> None:
        damaged.append(reason)
        _log_damage(reason)

    if repository_of(store):
        from scripts.commands.github_wheels import github_wheels

        there = github_wheels(store, known, damage, patient=this_step() is not None)
        return Offer(records=there, files={}, damaged=damaged)
    records: list[WheelRecord] = []
    files: dict[str, Content] = {}
    for wheel, record in filed_wheels(_directory(store), log_line, damage).items():
        try:
            files |= site_files(wheel, record)
        except WheelsError as error:
            damage(str(error))
        else:
            records.append(record)
    return Offer(records=records, files=files, damaged=damaged)


def _log_damage(reason: str) -> None:
    log_line(f"not offered: {reason}")


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
