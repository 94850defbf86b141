"""`open_store`: the store that a person named, or the repository that GitHub Actions runs in."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from scripts.errors import InputError, PrerequisiteError, PublishError
from scripts.publish.github_client import GitHubClient
from scripts.publish.store import Store
from scripts.publish.store_folder import FolderStore
from scripts.publish.store_github import GitHubStore

FORMS = "give dir:PATH or github:OWNER/REPO"
API = "https://api.github.com"


def open_store(address: str, *, writing: bool = False, say: Callable[[str], None] = lambda line: None) -> Store:
    """The store at the address; `writing` makes a folder that is not there, and asks for a token.

    Raises InputError for an address of another form, PublishError for no folder, PrerequisiteError for no token.
    """
    address = address or _repository()
    kind, _, place = address.partition(":")
    if kind == "dir" and place:
        return _folder(Path(place), writing)
    if kind == "github":
        return GitHubStore(place, _client(writing, say))
    raise InputError(f"--store {address!r}: {FORMS}")


def _repository() -> str:
    """The repository of the workflow that this runs in."""
    name = os.environ.get("GITHUB_REPOSITORY")
    if not name:
        raise InputError(f"no --store: {FORMS}; only in GitHub Actions is the repository known")
    return f"github:{name}"


def _folder(folder: Path, writing: bool) -> FolderStore:
    if writing:
        folder.mkdir(parents=True, exist_ok=True)
    if not folder.is_dir():
        raise PublishError(f"--store dir:{folder}: there is no such folder; the first publish makes it")
    return FolderStore(folder)


def _client(writing: bool, say: Callable[[str], None]) -> GitHubClient:
    token = os.environ.get("GITHUB_TOKEN") or os.environ.get("GH_TOKEN") or ""
    if writing and not token:
        raise PrerequisiteError("publishing to GitHub needs a token with `contents: write` in GITHUB_TOKEN or GH_TOKEN")
    return GitHubClient(os.environ.get("GITHUB_API_URL") or API, token.strip(), say=say)
