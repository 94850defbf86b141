"""What a site offers now: a wheel that users may have pinned does not vanish from its index unnoticed."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

from scripts.errors import DataError, InputError, PrerequisiteError
from scripts.fetch.loopback import is_loopback
from scripts.index.simple_index import WHEELS
from scripts.wheel.documents import read_wheels
from scripts.wheel.published import Published
from scripts.wheel.record import WheelRecord

MOST_NAMED = 20  # of the faults of one site
CHANNEL = r"whl(?:[/\\](?:cpu|cu\d+)(?:[/\\]torch[\d.]+)?)?(?:[/\\]deepspeed)?"
PART = re.compile(rf"(?<=[^/:\\])[/\\](?:{CHANNEL}(?:[/\\](?:index\.html)?)?|index\.html|wheels\.json)$")
HOST = re.compile(
    r"[\w-]+(?:\.[\w-]+)*(?:\.[a-z]{2,}|:\d+)(?:/|$)", re.I
)  # what begins like an address without its scheme
LIMIT = 256_000_000  # bytes; ten thousand wheels take ten million


def read_site(location: str) -> Published:
    """What the site at an address, or in a directory or at its file: address, offers, as it is there.

    Raises InputError when its wheels.json is not available, DataError when it cannot be read.
    """
    if location.lower().startswith("file:"):
        from urllib.request import url2pathname  # takes long to import

        location = url2pathname(urlsplit(location).path)
    if location.lower().startswith(("http://", "https://")):
        address = location.partition("?")[0].partition("#")[0]
        site = read_site_if_there(address)
        if site is None and root_of(address) != address:
            site = read_site_if_there(root_of(address))
        if site is None:
            raise InputError(
                f"{address} is not an index: it has no {WHEELS}; give the address of one", id="not-an-index"
            )
        return site
    file = Path(location).resolve() / WHEELS
    if not file.is_file():
        file = Path(root_of(location)).resolve() / WHEELS
    try:
        return read_wheels(file.read_bytes(), str(file), f"{file.parent.as_uri()}/")
    except OSError as error:
        cure = "give the address or directory of an index"
        if HOST.match(location) and not Path(location).exists():
            cure = f"is it an address? then --index https://{location}"
        raise InputError(f"{file}: {error.strerror}; {cure}", id="not-an-index") from None


def root_of(location: str) -> str:
    """The site of an address, or directory, of a part of it: of a channel, as pip's line has it, or of its page."""
    return PART.sub("", location) or location


def read_site_if_there(address: str) -> Published | None:
    """What the site at an address offers; None when the server answers that there is none, as before its first day.

    Raises InputError when it is not available for any other reason, DataError when it cannot be read.
    """
    from scripts.fetch.download import read_small  # takes longer to import than a site in a directory to read
    from scripts.fetch.transfer import NotThereError

    url = address.rstrip("/") + "/"
    page = url + WHEELS
    try:
        content = read_small(page, LIMIT)
    except NotThereError:
        return None
    except PrerequisiteError as error:
        raise InputError(f"the index is not available: {error}", id="index-not-available") from None
    return _with_own_addresses(read_wheels(content, WHEELS, url))


def _with_own_addresses(site: Published) -> Published:
    """The site; raises DataError when it would send somebody elsewhere than to its wheels and to torch."""
    problems = []
    for position, record in enumerate(site.wheels):
        try:
            site.address(record)
        except InputError as error:
            problems.append(f"wheels[{position}].url: {error}")
    torch, own = urlsplit(site.torch_index), urlsplit(site.url)
    if torch.scheme != "https" and not is_loopback(site.torch_index) and torch.netloc != own.netloc:
        problems.append(f"torch_index: {site.torch_index!r} is no https address; distrust {site.url}")
    if problems:
        raise DataError(WHEELS, problems[:MOST_NAMED])
    return site


def require_no_loss(before: Published, now: Published) -> None:
    """Raise InputError when a wheel that was offered is missing now, or has other bytes."""
    offered = {record.file: record for record in now.wheels}
    lost = [record.file for record in before.wheels if record.file not in offered]
    changed = [record.file for record in before.wheels if _changed(record, offered.get(record.file))]
    if lost or changed:
        examples = [*(f"  gone: {file}" for file in lost[:5]), *(f"  other bytes: {file}" for file in changed[:5])]
        head = f"this index would remove {len(lost)} and change {len(changed)} of {len(before.wheels)} wheels"
        raise InputError("\n".join([f"{head}; --allow-shrink allows it", *examples]), id="wheels-would-vanish")


def _changed(before: WheelRecord, now: WheelRecord | None) -> bool:
    return now is not None and now.sha256 != before.sha256
