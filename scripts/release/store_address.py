"""`open_store`: the store that a person named."""

from __future__ import annotations

from pathlib import Path

from scripts.errors import InputError, PublishError
from scripts.release.store import Store
from scripts.release.store_folder import FolderStore

FORMS = "give dir:PATH or github:OWNER/REPO"


def open_store(address: str, *, create: bool = False) -> Store:
    """The store at `dir:PATH`, which may be made when `create`; raises InputError and PublishError."""
    kind, _, place = address.partition(":")
    if kind != "dir" or not place:
        raise InputError(f"--store {address!r}: {FORMS}")
    folder = Path(place)
    if create:
        folder.mkdir(parents=True, exist_ok=True)
    if not folder.is_dir():
        raise PublishError(f"--store {address}: there is no such folder")
    return FolderStore(folder)
