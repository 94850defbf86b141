"""What GitHub's answers say, read as its documentation has them; anything else is an error that names the field."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

import requests

from scripts.errors import PublishError
from scripts.fetch.loopback import is_loopback
from scripts.publish.store import Asset, Release
from scripts.schema.utc_time import is_utc_time

DIGEST = re.compile(r"sha256:([0-9a-f]{64})")
NAME = re.compile(r"[^\s/\\\x00-\x1f]{1,255}")
SHOWN = 300  # characters of a message that is not ours

T = TypeVar("T")


def document_of(answer: requests.Response) -> Any:  # noqa: ANN401  any JSON
    """The JSON document of an answer; raises PublishError for anything else, such as the page of a proxy."""
    try:
        return answer.json()
    except (ValueError, RecursionError):
        kind = answer.headers.get("Content-Type", "nothing")[:60]
        path = urlsplit(answer.url).path
        raise _strange(f"{path}: the answer is {kind!r} and no JSON") from None


def release_of(document: object) -> Release:
    """A release."""
    found = _mapping(document, "release")
    draft = _field(found, "draft", bool)
    return Release(
        id=_id(found),
        tag=_field(found, "tag_name", str),
        draft=draft,
        immutable=bool(found.get("immutable")) and not draft,
        upload_url=_field(found, "upload_url", str).partition("{")[0],
        published=_time(found, "published_at"),
    )


def asset_of(document: object) -> Asset:
    """An asset; its address is https, or of this machine, and ends with its name."""
    found = _mapping(document, "asset")
    name, url, size = _field(found, "name", str), _field(found, "browser_download_url", str), _field(found, "size", int)
    if not NAME.fullmatch(name) or size < 0:
        raise _strange(f"asset {name[:SHOWN]!r} of {size} bytes: no such file can be")
    if not names_file(url, name):
        raise _strange(f"asset {name}: browser_download_url {url[:SHOWN]!r} is no https address of that file")
    stated = found.get("digest")
    digest = DIGEST.fullmatch(stated) if isinstance(stated, str) else None
    if stated and not digest:
        raise _strange(f"asset {name}: digest {str(stated)[:SHOWN]!r} is no sha256")
    return Asset(
        id=_id(found),
        name=name,
        size=size,
        sha256=digest[1] if digest else None,
        url=url,
        uploaded=_time(found, "created_at"),
        complete=_field(found, "state", str) == "uploaded",
    )


def names_file(url: str, name: str) -> bool:
    """Whether the address is https, or of this machine, and that of a file of this name."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(url))
    return safe and not parts.username and not parts.fragment and unquote(parts.path).rpartition("/")[2] == name


def _id(found: Mapping[str, Any]) -> str:
    number = _field(found, "id", int)
    if number <= 0:
        raise _strange(f"id: {number} is no id")
    return str(number)


def _mapping(document: object, what: str) -> Mapping[str, Any]:
    if isinstance(document, dict):
        return document
    raise _strange(f"a {what} is {str(document)[:SHOWN]!r}")


def _field(found: Mapping[str, Any], key: str, kind: type[T]) -> T:
    value = found.get(key)
    if type(value) is not kind:  # a flag is a number to isinstance
        raise _strange(f"{key}: {str(value)[:SHOWN]!r} is no {kind.__name__}")
    return value


def _time(found: Mapping[str, Any], key: str) -> str | None:
    """The time that GitHub states; None when it states none."""
    value = found.get(key)
    if value is not None and not (isinstance(value, str) and is_utc_time(value)):
        raise _strange(f"{key}: {str(value)[:SHOWN]!r} is no time in UTC")
    return value


def _strange(what: str) -> PublishError:
    return PublishError(
        f"GitHub's answer is not as documented: {what}; is it GitHub that answers, and no proxy? Try again later",
        id="github-not-available",
    )
