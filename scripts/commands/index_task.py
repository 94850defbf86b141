"""`invoke index`: from the wheels of a store to the files of a site."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from scripts.ci.actions import pages_address, shrink_is_allowed, site_address, this_step
from scripts.commands.answer import log_line, print_answer, print_document
from scripts.commands.project import open_project
from scripts.commands.store_options import SiteOptions
from scripts.commands.store_wheels import Offer, offered, repository_of
from scripts.errors import DataError, InputError, NothingToDoError, VerifyError
from scripts.files import WRITTEN, Content, write_tree, write_whole
from scripts.index.one_file import NAME, one_file
from scripts.index.page.render import render_page
from scripts.index.page.states import Build, read_builds, withdrawn
from scripts.index.page.status import renew_table, status_markdown, status_rows
from scripts.index.published_site import read_site, read_site_if_there, require_no_loss
from scripts.index.simple_index import WHEELS, render_index
from scripts.index.wheel_notes import with_notes
from scripts.locks import locked
from scripts.wheel.documents import ADDRESS
from scripts.wheel.published import Published, publish_records

LOCAL = "http://127.0.0.1:8000/"  # what `python -m http.server` serves


def index(options: SiteOptions) -> None:
    """Write the index and the page of what the store has into `out`, and print how much that is.

    Raises VerifyError in the end for wheels that are damaged and left out.
    """
    project, out = open_project(), Path(options.out)
    repository = repository_of(options.store)
    url = site_url(options.url, repository)
    may_shrink = options.allow_shrink or shrink_is_allowed()
    seen_before = _stamp(out / WHEELS)
    before = _before(out, options.previous, may_shrink)
    offer = offered(options.store, before.wheels if before else ())
    noted = with_notes(offer.records, project.facts)
    published = publish_records(noted, url=url, torch_index=project.matrix.torch_index)
    if before and not may_shrink:
        require_no_loss(before, published)
    seen = _builds(options.builds)
    file = one_file(url)
    page = render_page(
        published.offered,
        project.plan,
        project.facts,
        project.matrix,
        builds={**seen, **withdrawn(published.wheels)},
        repository=options.repository or repository or None,
        one_file=file,
    )
    with locked(out / WRITTEN, "a site is being written", log=log_line):
        if not may_shrink and _stamp(out / WHEELS) not in (None, seen_before):  # by another `invoke index`
            require_no_loss(read_site(str(out)), published)
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            variants = _variants(offer, Path(folder)) if options.variants else {}
            write_tree(out, {**page, **render_index(published), **offer.files, **variants, NAME: file})
    if step := this_step():
        step.set_outputs({"written": str(out)})  # the site is whole, whatever is said of damaged wheels below
    if options.readme:
        table = status_markdown(status_rows(published.offered.wheels, project.plan, seen))
        _rewrite(Path(options.readme), lambda text: renew_table(text, table, options.readme))
    _print(out, published, as_json=options.json)
    if offer.damaged:
        head = f"{out} is written without {len(offer.damaged)} damaged wheels; build or publish them again:"
        raise VerifyError("\n".join([head, *(f"  {reason}" for reason in offer.damaged)]), id="wheels-damaged")


def _variants(offer: Offer, folder: Path) -> Mapping[str, Content]:
    """The index of variant wheels; raises NothingToDoError where no wheel is at hand."""
    from scripts.index.variant_index import variant_files  # here: hardly anybody asks for it yet

    wheels = {Path(path).name: file for path, file in offer.files.items() if isinstance(file, Path)}
    there = {wheels[record.file]: record for record in offer.records if record.file in wheels and not record.yanked}
    if not there:
        raise NothingToDoError(
            "--variants: no wheel in a directory is here; name one with --store", id="no-wheels-offered"
        )
    return variant_files(there, folder)


def _stamp(file: Path) -> tuple[int, int] | None:
    """What tells this state of the file from another one; None when there is no such file."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino


def site_url(typed: str, repository: str = "") -> str:
    """A site's address: as typed, else the published one's, else the repository's own page, else this machine's."""
    return _address(typed) or site_address() or (pages_address(repository) if repository else LOCAL)


def _address(url: str) -> str:
    """The address as typed; of another kind, clients refuse every link of the site, and we its wheels.json."""
    if url and not (ADDRESS.fullmatch(url) and urlsplit(url).netloc):
        raise InputError(f"--url {url!r}: give an address such as https://example.org/wheels/", id="value-not-accepted")
    return url


def _rewrite(file: Path, change: Callable[[str], str]) -> None:
    try:
        text = file.read_text(encoding="utf-8")
        changed = change(text)
        if changed != text:
            write_whole(file, changed)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8"
        raise InputError(
            f"--readme {file}: {reason}; give a Markdown file that can be written", id="file-not-usable"
        ) from None


def _builds(file: str) -> dict[str, Build]:
    """What the file says of builds that are going on or failed; nothing without a file."""
    if not file:
        return {}
    try:
        return read_builds(Path(file).read_bytes(), file)
    except OSError as error:
        raise InputError(f"--builds {file}: cannot be read: {error.strerror}", id="file-not-usable") from None


def _before(out: Path, previous: str, may_shrink: bool) -> Published | None:
    """The site that this one replaces; one that may shrink does without a site that cannot be read."""
    try:
        return _previous(out, previous)
    except (InputError, DataError) as error:
        if previous or not may_shrink:
            log_line(
                "the earlier index cannot be read; with --allow-shrink it is passed over, once you know what is wrong"
            )
            raise
        log_line(f"the earlier index is passed over: {error}")
        return None


def _previous(out: Path, previous: str) -> Published | None:
    """The site that was named, else what lies in `out`, else the workflow's published one, if there is one yet."""
    if previous or (out / WHEELS).exists():
        return read_site(previous or str(out))
    if not this_step():
        return None
    found = read_site_if_there(site_address())
    if found is None:
        log_line(f"{site_address()}: there is no earlier index, so nothing is compared with it")
    return found


def _print(out: Path, published: Published, *, as_json: bool) -> None:
    channels = sorted({published.channel(record.target) for record in published.wheels})
    if as_json:
        print_document({"out": str(out), "url": published.url, "wheels": len(published.wheels), "channels": channels})
        return
    print_answer(f"{len(published.wheels)} wheels in {len(channels)} channels: {out}", *channels)
