"""`GitHubStore`: releases of a GitHub repository; the asset's state, size and digest are GitHub's own words."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from typing import BinaryIO, TypeVar
from urllib.parse import quote

import requests

from scripts.errors import InputError, PublishError
from scripts.publish.github_answers import asset_of, document_of, release_of
from scripts.publish.github_client import GitHubClient, Refusal, Setback
from scripts.publish.store import STAGED, TAG, Asset, Payload, Release, Watch

REPOSITORY = re.compile(r"[A-Za-z0-9-]+/[A-Za-z0-9._-]+")
BLOCK = 1 << 20

T = TypeVar("T")


class GitHubStore:
    """The store `github:OWNER/REPO`."""

    def __init__(self, repository: str, client: GitHubClient) -> None:
        if not REPOSITORY.fullmatch(repository):
            raise InputError(f"--store github:{repository}: give github:OWNER/REPO", id="store-not-known")
        self.address = f"github:{repository}"
        self._client, self._base = client, f"/repos/{repository}/releases"

    def releases(self) -> tuple[Release, ...]:
        """Every release with a tag of ours; drafts only when the token may write."""
        # each comes with all its assets, a thousand at most: a page of a hundred would be too much for GitHub
        found = (release_of(document) for document in self._client.pages(self._base, size=10))
        return tuple(release for release in found if TAG.fullmatch(release.tag))

    def assets(self, release: Release) -> tuple[Asset, ...]:
        """The assets of a release, over all pages."""
        return tuple(asset_of(document) for document in self._client.pages(f"{self._base}/{release.id}/assets"))

    def digest(self, asset: Asset) -> str:
        """What GitHub states; it does not for what was uploaded before June 2025, which is downloaded."""
        if asset.sha256:
            return asset.sha256
        return self._download(asset, _digest)

    def read(self, asset: Asset) -> bytes:
        """The content, downloaded."""
        return self._download(asset, b"".join)

    def create(self, tag: str, title: str, text: str) -> Release:
        """A new draft; after a failure nobody knows whether it was made, so it is looked for first."""
        body = {"tag_name": tag, "name": title, "body": text, "draft": True}
        for attempt in range(self._client.patience.attempts):
            answer = self._client.attempt("POST", self._client.api + self._base, json=body)
            if isinstance(answer, requests.Response):
                return release_of(document_of(answer))
            self._client.wait(answer, attempt)
            made = [release for release in self.releases() if release.tag == tag]
            if made:
                return made[0]
        raise AssertionError("wait raises after the last attempt")

    def upload(self, release: Release, payload: Payload, name: str, watch: Watch) -> Asset:
        """The asset; after a failure GitHub is asked what came of it, and a half upload is removed and sent again."""
        url = f"{release.upload_url}?name={quote(name, safe='')}"
        headers = {"Content-Type": "application/octet-stream"}
        for attempt in range(self._client.patience.attempts):
            with payload.open() as file:
                try:
                    data = Watched(file, payload, watch)
                    answer = self._client.attempt("POST", url, data=data, headers=headers)
                except Refusal as refusal:
                    if "already_exists" not in refusal.codes:
                        raise
                    answer = None
            if isinstance(answer, requests.Response):
                return _named(asset_of(document_of(answer)), name)
            if answer:
                self._client.wait(answer, attempt, lambda: watch(payload.name, 0))
            there = self._left_behind(release, payload, name)
            if there:
                return there
        raise PublishError(
            f"{name}: could not be uploaded to {release.tag}; run the same command again", id="upload-failed"
        )

    def _left_behind(self, release: Release, payload: Payload, name: str) -> Asset | None:
        """The asset when it came through complete after all; what is left of an upload that did not is removed."""
        there = next((asset for asset in self.assets(release) if asset.name == name), None)
        if there is None or payload.is_in(there):
            return there
        if not (release.draft or name.endswith(STAGED)):
            raise PublishError(f"{name} is public in {release.tag}, and is never replaced", id="already-published")
        self.delete(there)
        return None

    def rename(self, asset: Asset, name: str) -> None:
        """The asset under its final name."""
        document = self._client.json("PATCH", f"{self._base}/assets/{asset.id}", {"name": name})
        _named(asset_of(document), name)

    def delete(self, asset: Asset) -> None:
        """The asset is gone."""
        try:
            self._client.json("DELETE", f"{self._base}/assets/{asset.id}")
        except Refusal as refusal:
            if refusal.status != 404:
                raise

    def publish(self, release: Release) -> None:
        """The draft is public; "latest" stays with the highest version."""
        body = {"draft": False, "make_latest": "legacy"}
        if release_of(self._client.json("PATCH", f"{self._base}/{release.id}", body)).draft:
            raise PublishError(
                f"{release.tag} is still a draft; publish it by hand, everything in it is checked",
                id="release-still-draft",
            )

    def _download(self, asset: Asset, take: Callable[[Iterable[bytes]], T]) -> T:
        """What `take` makes of the content, block by block, begun anew when the connection is cut.

        The content comes from another host, which gets no token.
        """
        url = f"{self._client.api}{self._base}/assets/{asset.id}"
        for attempt in range(self._client.patience.attempts):
            answer = self._client.attempt("GET", url, headers={"Accept": "application/octet-stream"}, stream=True)
            if isinstance(answer, requests.Response):
                try:
                    with closing(answer):
                        return take(_no_more_than(asset, answer.iter_content(BLOCK)))
                except requests.RequestException as error:
                    answer = Setback(reason=f"the download of {asset.name} broke off ({type(error).__name__})")
            self._client.wait(answer, attempt)
        raise AssertionError("wait raises after the last attempt")


class Watched:
    """A file that tells how much of it was read; requests takes its length for the Content-Length."""

    def __init__(self, file: BinaryIO, payload: Payload, watch: Watch) -> None:
        self._file, self._payload, self._watch = file, payload, watch

    def __len__(self) -> int:
        return self._payload.size

    def __iter__(self) -> Iterator[bytes]:
        while block := self.read(BLOCK):
            yield block

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        block = self._file.read(size)
        self._watch(self._payload.name, len(block))
        return block


def _no_more_than(asset: Asset, blocks: Iterable[bytes]) -> Iterator[bytes]:
    """The blocks; raises PublishError when they are more than GitHub states."""
    got = 0
    for block in blocks:
        got += len(block)
        if got > asset.size:
            raise PublishError(
                f"{asset.name}: more than the {asset.size} bytes arrive that GitHub states", id="github-not-available"
            )
        yield block


def _digest(blocks: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for block in blocks:
        digest.update(block)
    return digest.hexdigest()


def _named(asset: Asset, name: str) -> Asset:
    """The asset itself; GitHub changes some signs in names, and a wheel of another name is of no use."""
    if asset.name != name:
        raise PublishError(
            f"GitHub calls {name} {asset.name!r} instead; delete that from the release", id="asset-renamed"
        )
    return asset
