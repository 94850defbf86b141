"""A repository's releases as GitHub keeps them: what each call does to them, and what it answers."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

MOST_ASSETS = 1000
DOCUMENTATION = "https://docs.github.com/rest/releases"
TIME = "2025-11-21T07:00:00Z"
Json = dict[str, Any]
Answer = tuple[int, Any]
NOT_FOUND: Answer = (404, {"message": "Not Found", "documentation_url": DOCUMENTATION, "status": "404"})


def invalid(resource: str, code: str, name: str) -> Answer:
    """What GitHub says of a request that it understands and refuses; as recorded in `release-assets-conflict`."""
    errors = [{"resource": resource, "code": code, "field": name}]
    return 422, {"message": "Validation Failed", "errors": errors, "documentation_url": DOCUMENTATION}


def sanitized(name: str) -> str:
    """The name that GitHub gives an asset: special characters become dots, those at both ends go."""
    return re.sub(r"[^A-Za-z0-9@+._-]+", ".", name).strip(".") or "default"


@dataclass
class Asset:
    """A file of a release."""

    id: int
    release: int
    name: str
    content: bytes
    content_type: str
    state: str = "uploaded"
    label: str | None = None
    created: str = TIME


@dataclass
class Release:
    """A release."""

    id: int
    fields: Json
    immutable: bool = False
    published: str = TIME


@dataclass
class Repository:
    """Everything of one repository. Every method holds the lock."""

    name: str
    releases: dict[int, Release] = field(default_factory=dict)
    assets: dict[int, Asset] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)
    digests: bool = True  # GitHub states none for what was uploaded before June 2025
    last: int = 1000

    def number(self) -> int:
        """The next id."""
        self.last += 1
        return self.last

    def visible(self, release: Release | None, signed: bool) -> bool:
        """Whether the caller may see it: drafts are for those who may write."""
        return release is not None and (signed or not release.fields["draft"])

    def list_releases(self, base: str, signed: bool) -> list[Json]:
        with self.lock:
            newest = sorted(self.releases.values(), key=lambda release: -release.id)
            return [self.release_document(release, base) for release in newest if self.visible(release, signed)]

    def get_release(self, number: int, base: str, signed: bool) -> Answer:
        with self.lock:
            release = self.releases.get(number)
            if release is None or not self.visible(release, signed):
                return NOT_FOUND
            return 200, self.release_document(release, base)

    def release_of_tag(self, tag: str, base: str) -> Answer:
        with self.lock:
            found = [r for r in self.releases.values() if r.fields["tag_name"] == tag and not r.fields["draft"]]
            return (200, self.release_document(found[0], base)) if found else NOT_FOUND

    def create_release(self, body: Mapping[str, Any], base: str) -> Answer:
        with self.lock:
            defaults = {"name": None, "body": None, "draft": False, "prerelease": False, "target_commitish": "main"}
            kept = {key: body[key] for key in ("tag_name", *defaults) if key in body}
            release = Release(id=self.number(), fields={**defaults, **kept})
            if not release.fields["draft"] and self._tagged(release.fields["tag_name"]):
                return invalid("Release", "already_exists", "tag_name")
            self.releases[release.id] = release
            return 201, self.release_document(release, base)

    def change_release(self, number: int, body: Mapping[str, Any], base: str) -> Answer:
        with self.lock:
            release = self.releases.get(number)
            if release is None:
                return NOT_FOUND
            known = ("tag_name", "name", "body", "draft", "prerelease", "target_commitish")
            changed = {**release.fields, **{key: body[key] for key in known if key in body}}
            others = [r for r in self._tagged(changed["tag_name"]) if r.id != number]
            if not changed["draft"] and others:
                return invalid("Release", "already_exists", "tag_name")
            release.fields = changed
            return 200, self.release_document(release, base)

    def delete_release(self, number: int) -> Answer:
        with self.lock:
            if self.releases.pop(number, None) is None:
                return NOT_FOUND
            self.assets = {key: asset for key, asset in self.assets.items() if asset.release != number}
            return 204, None

    def list_assets(self, number: int, base: str, signed: bool) -> Answer:
        with self.lock:
            if not self.visible(self.releases.get(number), signed):
                return NOT_FOUND
            return 200, [self.asset_document(asset, base) for asset in self.assets_of(number)]

    def upload(self, number: int, name: str, label: str | None, kind: str, content: bytes, base: str) -> Answer:
        with self.lock:
            release, name = self.releases.get(number), sanitized(name)
            if release is None:
                return NOT_FOUND
            there = self.assets_of(number)
            if name in {asset.name for asset in there}:
                return invalid("ReleaseAsset", "already_exists", "name")
            if len(there) >= MOST_ASSETS:
                return invalid("ReleaseAsset", "custom", "too many assets")
            if release.immutable and not release.fields["draft"]:
                return invalid("ReleaseAsset", "custom", "the release is immutable")
            asset = Asset(self.number(), number, name, content, kind, label=label)
            self.assets[asset.id] = asset
            return 201, self.asset_document(asset, base)

    def leave_starter(self, number: int, name: str) -> None:
        """What is left of an upload that broke off."""
        with self.lock:
            if number in self.releases and sanitized(name) not in {asset.name for asset in self.assets_of(number)}:
                asset = Asset(self.number(), number, sanitized(name), b"", "application/octet-stream", "starter")
                self.assets[asset.id] = asset

    def asset(self, number: int, signed: bool) -> Asset | None:
        with self.lock:
            found = self.assets.get(number)
            return found if found and self.visible(self.releases.get(found.release), signed) else None

    def change_asset(self, number: int, body: Mapping[str, Any], base: str) -> Answer:
        with self.lock:
            asset = self.assets.get(number)
            if asset is None:
                return NOT_FOUND
            name = sanitized(body.get("name", asset.name))
            if name in {other.name for other in self.assets_of(asset.release) if other.id != number}:
                return invalid("ReleaseAsset", "already_exists", "name")
            asset.name, asset.label = name, body.get("label", asset.label)
            return 200, self.asset_document(asset, base)

    def delete_asset(self, number: int) -> Answer:
        with self.lock:
            return NOT_FOUND if self.assets.pop(number, None) is None else (204, None)

    def assets_of(self, number: int) -> list[Asset]:
        return [asset for asset in self.assets.values() if asset.release == number]

    def _tagged(self, tag: str) -> list[Release]:
        return [r for r in self.releases.values() if r.fields["tag_name"] == tag and not r.fields["draft"]]

    def release_document(self, release: Release, base: str) -> Json:
        here, tag = f"{base}/repos/{self.name}/releases/{release.id}", release.fields["tag_name"]
        site, there = f"{base}/{self.name}", uploads(base) + here.removeprefix(base)
        published = None if release.fields["draft"] else release.published
        return {
            **release.fields,
            "id": release.id,
            "node_id": f"RE_{release.id}",
            "url": here,
            "assets_url": f"{here}/assets",
            "upload_url": f"{there}/assets{{?name,label}}",
            "html_url": f"{site}/releases/tag/{quote(tag)}",
            "tarball_url": f"{here}/tar",
            "zipball_url": f"{here}/zip",
            "created_at": TIME,
            "published_at": published,
            "author": user(base),
            "immutable": release.immutable,
            "assets": [self.asset_document(asset, base) for asset in self.assets_of(release.id)],
        }

    def asset_document(self, asset: Asset, base: str) -> Json:
        digest = f"sha256:{hashlib.sha256(asset.content).hexdigest()}" if self.digests else None
        tag = self.releases[asset.release].fields["tag_name"]
        return {
            "url": f"{base}/repos/{self.name}/releases/assets/{asset.id}",
            "id": asset.id,
            "node_id": f"RA_{asset.id}",
            "name": asset.name,
            "label": asset.label,
            "state": asset.state,
            "content_type": asset.content_type,
            "size": len(asset.content),
            "digest": digest if asset.state == "uploaded" else None,
            "download_count": 0,
            "created_at": asset.created,
            "updated_at": TIME,
            "uploader": user(base),
            "browser_download_url": f"{base}/{self.name}/releases/download/{quote(tag)}/{quote(asset.name)}",
        }


def uploads(base: str) -> str:
    """Where uploads go: the API's own host, but for GitHub itself."""
    return base.replace("//api.", "//uploads.")


def user(base: str) -> Json:
    """Whoever did it."""
    here = f"{base}/users/publisher"
    links = (
        "followers_url",
        "following_url",
        "gists_url",
        "starred_url",
        "subscriptions_url",
        "organizations_url",
        "repos_url",
        "events_url",
        "received_events_url",
    )
    return {
        "login": "publisher",
        "id": 1,
        "node_id": "U_1",
        "avatar_url": here,
        "gravatar_id": "",
        "url": here,
        "html_url": here,
        "type": "User",
        "site_admin": False,
        **dict.fromkeys(links, here),
    }
