"""The wheels of a store on GitHub. Apart from directories, since it loads a client for HTTP."""

from __future__ import annotations

from collections.abc import Iterable

from scripts.command import Log
from scripts.commands.answer import log_line
from scripts.errors import WheelsError
from scripts.index.published_site import read_site_if_there
from scripts.publish.store_address import open_store
from scripts.publish.store_records import store_records
from scripts.wheel.record import WheelRecord


def github_wheels(store: str, known: Iterable[WheelRecord], damage: Log, *, patient: bool = False) -> list[WheelRecord]:
    """The wheels of the store's releases; of the `known` ones no manifest is downloaded.

    Who is `patient` waits until GitHub's rate limit ends.
    """
    there = open_store(store, patient=patient, log=log_line)
    return list(store_records(there, {record.file: record for record in known}, damage))


def published_there(site: str) -> Iterable[WheelRecord]:
    """What the published site says of the wheels; of those no manifest is downloaded.

    Without a token GitHub answers sixty requests an hour, and each manifest is one.
    """
    try:
        found = read_site_if_there(site)
    except WheelsError as error:
        log_line(f"every manifest is downloaded: {error}")
        return ()
    return found.wheels if found else ()
