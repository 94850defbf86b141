"""`invoke index`: from the wheels of a store to the files of a site."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from scripts.errors import InputError
from scripts.front import cells
from scripts.front.cli import print_document, print_for_people
from scripts.release.index import WHEELS, render_index
from scripts.release.page.render import render_page
from scripts.release.page.states import Build, read_builds
from scripts.release.page.status import renew_table, status_markdown, status_rows
from scripts.release.previous import read_site, read_site_if_there, require_no_loss
from scripts.release.record import Published, WheelRecord, publish_records
from scripts.release.store_address import open_store
from scripts.release.store_records import store_records
from scripts.release.tree import Content, write_tree
from scripts.release.wheelhouse import filed_wheels, site_files
from scripts.workflow.actions import site_address, this_step

LOCAL = "http://127.0.0.1:8000/"  # what `python -m http.server` serves


def index(
    out: Path, store: str, url: str, previous: str, allow_shrink: bool, builds: str, repository: str, readme: str,
    json: bool,
) -> None:  # fmt: skip
    """Write the index and the page of what the store has into `out`, and tell how much that is."""
    workshop, before = cells.open_workshop(), _previous(out, previous)
    records, content = _offered(store, before)
    published = publish_records(records, url=url or site_address() or LOCAL, torch_index=workshop.matrix.torch_index)
    if before and not allow_shrink:
        require_no_loss(before, published)
    seen, step = _builds(builds), this_step()
    page = render_page(
        published, workshop.plan, workshop.facts, workshop.matrix, builds=seen,
        repository=repository or (step.repository if step else None),
    )  # fmt: skip
    files: dict[str, Content] = {**page, **render_index(published), **content}
    write_tree(out, files)
    if readme:
        table = status_markdown(status_rows(published.wheels, workshop.plan, seen))
        _rewrite(Path(readme), lambda text: renew_table(text, table, readme))
    _tell(out, published, json)


def open_published(store: str) -> Published:
    """The wheels of a store, or of the wheelhouse of this checkout, where they are."""
    workshop = cells.open_workshop()
    folder = _folder(store) or workshop.places.wheelhouse
    wheels = filed_wheels(folder) if store or folder.is_dir() else {}
    records = [replace(record, url=wheel.resolve().as_uri()) for wheel, record in wheels.items()]
    return publish_records(records, url=folder.resolve().as_uri(), torch_index=workshop.matrix.torch_index)


def _offered(store: str, before: Published | None) -> tuple[Sequence[WheelRecord], dict[str, Content]]:
    """The records of a store, and the files that the site itself must serve: none of what GitHub serves."""
    if store.startswith("github:") or (not store and this_step()):
        known = {record.file: record for record in before.wheels} if before else {}
        return store_records(open_store(store), known), {}
    wheels = filed_wheels(_folder(store) or cells.open_workshop().places.wheelhouse)
    return tuple(wheels.values()), site_files(wheels)


def _folder(store: str) -> Path | None:
    """The folder of `dir:PATH`; None for the wheelhouse."""
    kind, _, place = store.partition(":")
    if not store:
        return None
    if kind != "dir" or not place:
        raise InputError(f"--store {store!r}: give dir:PATH or, for an index, github:OWNER/REPO")
    return Path(place)


def _rewrite(file: Path, change: Callable[[str], str]) -> None:
    try:
        text = file.read_text(encoding="utf-8")
        changed = change(text)
        if changed != text:
            file.write_text(changed, encoding="utf-8", newline="\n")
    except OSError as error:
        raise InputError(f"--readme {file}: {error.strerror}; give a Markdown file that can be written") from None


def _builds(file: str) -> dict[str, Build]:
    """What the file says of builds that are going on or failed; nothing without a file."""
    if not file:
        return {}
    try:
        return read_builds(Path(file).read_bytes(), file)
    except OSError as error:
        raise InputError(f"--builds {file}: cannot be read: {error.strerror}") from None


def _previous(out: Path, previous: str) -> Published | None:
    """The site that this one replaces: what was named, else what lies in `out`, else the workflow's published one."""
    if previous or (out / WHEELS).exists():
        return read_site(previous or str(out))
    return read_site_if_there(site_address()) if site_address() else None


def _tell(out: Path, published: Published, json: bool) -> None:
    channels = sorted({published.channel(record.target) for record in published.wheels})
    if json:
        print_document({"out": str(out), "url": published.url, "wheels": len(published.wheels), "channels": channels})
        return
    print_for_people(f"{len(published.wheels)} wheels in {len(channels)} channels: {out}", *channels)
