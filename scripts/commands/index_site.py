"""`invoke index`: from the wheels of a store to the files of a site."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from scripts.ci.actions import pages_address, shrink_is_allowed, site_address, this_step
from scripts.commands import cells
from scripts.commands.cli import print_document, print_for_people
from scripts.errors import DataError, InputError, WheelsError
from scripts.files import Content, write_tree
from scripts.index.page.render import render_page
from scripts.index.page.states import Build, read_builds
from scripts.index.page.status import renew_table, status_markdown, status_rows
from scripts.index.previous import read_site, read_site_if_there, require_no_loss
from scripts.index.simple_index import WHEELS, render_index
from scripts.publish.store_address import FORMS, open_store
from scripts.publish.store_records import store_records
from scripts.wheel.record import Published, WheelRecord, publish_records
from scripts.wheel.wheelhouse import filed_wheels, site_files

LOCAL = "http://127.0.0.1:8000/"  # what `python -m http.server` serves


@dataclass(frozen=True, kw_only=True)
class SiteOptions:
    """What a person may say of a site beside its folder, as typed."""

    store: str = ""
    url: str = ""
    previous: str = ""
    allow_shrink: bool = False
    builds: str = ""
    repository: str = ""
    readme: str = ""


def index(out: Path, options: SiteOptions, json: bool) -> None:
    """Write the index and the page of what the store has into `out`, and tell how much that is."""
    workshop = cells.open_workshop()
    repository = repository_of(options.store)
    may_shrink = options.allow_shrink or shrink_is_allowed()
    before = _before(out, options.previous, may_shrink)
    records, files = _offered(options.store, before.wheels if before else ())
    url = options.url or site_address() or (pages_address(repository) if repository else LOCAL)
    published = publish_records(records, url=url, torch_index=workshop.matrix.torch_index)
    if before and not may_shrink:
        require_no_loss(before, published)
    seen = _builds(options.builds)
    page = render_page(
        published,
        workshop.plan,
        workshop.facts,
        workshop.matrix,
        builds=seen,
        repository=options.repository or repository or None,
    )
    write_tree(out, {**page, **render_index(published), **files})
    if options.readme:
        table = status_markdown(status_rows(published.wheels, workshop.plan, seen))
        _rewrite(Path(options.readme), lambda text: renew_table(text, table, options.readme))
    _tell(out, published, json)


def open_published(store: str) -> Published:
    """The wheels of a store, or of the wheelhouse of this checkout, where they are."""
    workshop = cells.open_workshop()
    if store.startswith("github:"):
        url = pages_address(repository_of(store))
        records = list(store_records(open_store(store, say=_say), _by_file(_known(url))))
    else:
        folder = _folder(store)
        wheels = filed_wheels(folder, _say) if store or folder.is_dir() else {}
        records = [replace(record, url=wheel.resolve().as_uri()) for wheel, record in wheels.items()]
        url = folder.resolve().as_uri()
    return publish_records(records, url=url, torch_index=workshop.matrix.torch_index)


def _offered(store: str, known: Iterable[WheelRecord]) -> tuple[list[WheelRecord], dict[str, Content]]:
    """The wheels of the store, and those files that the site itself must have, since nobody else serves them."""
    if repository_of(store):
        return list(store_records(open_store(store, say=_say), _by_file(known))), {}
    wheels = filed_wheels(_folder(store), _say)
    return list(wheels.values()), site_files(wheels)


def _known(site: str) -> Iterable[WheelRecord]:
    """What the published site tells of the wheels; of those no manifest is downloaded.

    Without a token GitHub answers sixty requests an hour, and each manifest is one.
    """
    try:
        found = read_site_if_there(site)
    except WheelsError as error:
        _say(f"every manifest is downloaded: {error}")
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
    return Path(place) if store else cells.open_workshop().places.wheelhouse


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")


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


def _before(out: Path, previous: str, may_shrink: bool) -> Published | None:
    """The site that this one replaces; one that may shrink does without a site that cannot be read."""
    try:
        return _previous(out, previous)
    except (InputError, DataError) as error:
        if previous or not may_shrink:
            raise
        _say(f"the earlier index is passed over: {error}")
        return None


def _previous(out: Path, previous: str) -> Published | None:
    """The site that was named, else what lies in `out`, else the workflow's published one, if there is one yet."""
    if previous or (out / WHEELS).exists():
        return read_site(previous or str(out))
    if not this_step():
        return None
    found = read_site_if_there(site_address())
    if found is None:
        _say(f"{site_address()}: there is no earlier index, so nothing is compared with it")
    return found


def _tell(out: Path, published: Published, json: bool) -> None:
    channels = sorted({published.channel(record.target) for record in published.wheels})
    if json:
        print_document({"out": str(out), "url": published.url, "wheels": len(published.wheels), "channels": channels})
        return
    print_for_people(f"{len(published.wheels)} wheels in {len(channels)} channels: {out}", *channels)
