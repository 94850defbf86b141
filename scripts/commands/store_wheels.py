"""The wheels that a store has, wherever it is: what an index offers and `invoke find` chooses from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from scripts.ci.actions import pages_address, this_step
from scripts.commands.answer import log_line
from scripts.commands.project import open_project
from scripts.dirs import default_places
from scripts.errors import InputError, WheelsError
from scripts.files import Content
from scripts.index.published_site import read_site_if_there
from scripts.publish.store_address import FORMS, open_store
from scripts.publish.store_records import store_records
from scripts.wheel.published import Published, publish_records
from scripts.wheel.record import WheelRecord
from scripts.wheel.wheelhouse import filed_wheels, site_files


def open_published(store: str) -> Published:
    """The wheels of a store, or of the wheelhouse of this checkout, where they are."""
    if store.startswith("github:"):
        url = pages_address(repository_of(store))
        records = list(store_records(open_store(store, say=log_line), _by_file(_known(url))))
    else:
        folder = _folder(store)
        wheels = filed_wheels(folder, log_line) if store or folder.is_dir() else {}
        records = [replace(record, url=wheel.resolve().as_uri()) for wheel, record in wheels.items()]
        url = folder.resolve().as_uri()
    return publish_records(records, url=url, torch_index=open_project().matrix.torch_index)


def offered(store: str, known: Iterable[WheelRecord]) -> tuple[list[WheelRecord], dict[str, Content]]:
    """The wheels of the store, and those files that the site itself must have, since nobody else serves them."""
    if repository_of(store):
        return list(store_records(open_store(store, say=log_line), _by_file(known))), {}
    wheels = filed_wheels(_folder(store), log_line)
    return list(wheels.values()), site_files(wheels)


def _known(site: str) -> Iterable[WheelRecord]:
    """What the published site tells of the wheels; of those no manifest is downloaded.

    Without a token GitHub answers sixty requests an hour, and each manifest is one.
    """
    try:
        found = read_site_if_there(site)
    except WheelsError as error:
        log_line(f"every manifest is downloaded: {error}")
        return ()
    return found.wheels if found else ()


def _by_file(records: Iterable[WheelRecord]) -> dict[str, WheelRecord]:
    return {record.file: record for record in records}


def repository_of(store: str) -> str:
    """`OWNER/REPO` of a store on GitHub, which is the workflow's own where none is named; empty for another."""
    kind, _, place = store.partition(":")
    step = None if store else this_step()
    return place if kind == "github" else step.repository if step else ""


def _folder(store: str) -> Path:
    """The folder of `dir:PATH`; the wheelhouse when nothing is named."""
    kind, _, place = store.partition(":")
    if store and kind != "github" and (kind != "dir" or not place):
        raise InputError(f"--store {store!r}: {FORMS}")
    return Path(place) if store else default_places().wheelhouse
