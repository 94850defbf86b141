"""What a site offered before: a wheel that people may have pinned does not vanish from its index unnoticed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from scripts.errors import InputError, PrerequisiteError
from scripts.fetch.download import read_small
from scripts.fetch.transfer import NotThereError
from scripts.index.simple_index import WHEELS
from scripts.wheel.documents import read_wheels
from scripts.wheel.published import Published
from scripts.wheel.record import WheelRecord

LIMIT = 256_000_000  # bytes; ten thousand wheels take ten million


def read_site(place: str) -> Published:
    """What the site at an address or in a folder offers, as it can be had there.

    Raises InputError when its wheels.json is not available, DataError when it cannot be read.
    """
    if place.startswith(("http://", "https://")):
        site = read_site_if_there(place)
        if site is None:
            raise InputError(f"{place} is not an index: it has no {WHEELS}; give the address of one", id="not-an-index")
        return site
    folder = Path(place).resolve()
    try:
        return replace(read_wheels((folder / WHEELS).read_bytes(), str(folder / WHEELS)), url=f"{folder.as_uri()}/")
    except OSError as error:
        raise InputError(
            f"{Path(place) / WHEELS}: {error.strerror}; give the address or folder of an index", id="not-an-index"
        ) from None


def read_site_if_there(address: str) -> Published | None:
    """What the site at an address offers; None when the server says that there is none, as before its first day.

    Raises InputError when it is not available for any other reason, DataError when it cannot be read.
    """
    url = address.rstrip("/") + "/"
    page = url + WHEELS
    try:
        content = read_small(page, LIMIT)
    except NotThereError:
        return None
    except PrerequisiteError as error:
        raise InputError(f"the index is not available: {error}") from None
    return replace(read_wheels(content, WHEELS), url=url)


def require_no_loss(before: Published, now: Published) -> None:
    """Raise InputError when a wheel that was offered is missing now, or has other bytes."""
    offered = {record.file: record for record in now.wheels}
    lost = [record.file for record in before.wheels if record.file not in offered]
    changed = [record.file for record in before.wheels if _changed(record, offered.get(record.file))]
    if lost or changed:
        told = [*(f"  gone: {file}" for file in lost[:5]), *(f"  other bytes: {file}" for file in changed[:5])]
        head = f"this index would take away {len(lost)} and change {len(changed)} of {len(before.wheels)} wheels"
        raise InputError("\n".join([f"{head}; --allow-shrink does it all the same", *told]), id="wheels-would-vanish")


def _changed(before: WheelRecord, now: WheelRecord | None) -> bool:
    return now is not None and now.sha256 != before.sha256
