"""`open_store`: the store that a user named, or the repository that GitHub Actions runs in."""

from __future__ import annotations

import os
from pathlib import Path

from scripts.command import Log, no_log
from scripts.errors import InputError, PrerequisiteError, PublishError
from scripts.publish.github_client import READING, GitHubClient, Patience, checked_api
from scripts.publish.store import Store
from scripts.publish.store_directory import DirectoryStore
from scripts.publish.store_github import GitHubStore

FORMS = "give dir:PATH or github:OWNER/REPO"
API = "https://api.github.com"


def open_store(
    address: str, *, writing: bool = False, may_be_new: bool = False, patient: bool = False, log: Log = no_log
) -> Store:
    """The store at the address; `writing` asks for a token, and a directory that `may_be_new` need not be there yet.

    Who writes, or is `patient`, waits until GitHub's rate limit ends; who only reads is told when that is.

    Raises InputError for an address of another form, PublishError for no directory, PrerequisiteError for no token.
    """
    address = address or _repository()
    kind, _, name = address.partition(":")
    if kind == "dir" and name:
        return _directory(Path(name), writing or may_be_new)
    if kind == "github":
        return GitHubStore(name, _client(writing, patient, log))
    raise InputError(f"--store {address!r}: {FORMS}", id="store-not-known")


def _repository() -> str:
    """The repository of the workflow that this runs in."""
    name = os.environ.get("GITHUB_REPOSITORY")
    if not name:
        raise InputError(f"no --store: {FORMS}; only in GitHub Actions is the repository known", id="store-not-known")
    return f"github:{name}"


def _directory(directory: Path, may_be_new: bool) -> DirectoryStore:
    if not (may_be_new or directory.is_dir()):
        raise PublishError(
            f"--store dir:{directory} is not a directory; the first publish makes it", id="not-a-directory"
        )
    return DirectoryStore(directory, may_be_new=may_be_new)


def _client(writing: bool, patient: bool, log: Log) -> GitHubClient:
    token = github_token()
    if writing and not token:
        raise PrerequisiteError(
            "publishing to GitHub needs a token with `contents: write` in GITHUB_TOKEN or GH_TOKEN", id="token-needed"
        )
    return GitHubClient(github_api(), token, Patience() if writing or patient else READING, log)


def github_api() -> str:
    """GitHub's API, or what GITHUB_API_URL names; raises InputError for one that a token must not be sent to."""
    return checked_api(os.environ.get("GITHUB_API_URL") or API).rstrip("/")


def github_token() -> str:
    """The token of GITHUB_TOKEN or GH_TOKEN; empty when neither is set."""
    return (os.environ.get("GITHUB_TOKEN") or os.environ.get("GH_TOKEN") or "").strip()
