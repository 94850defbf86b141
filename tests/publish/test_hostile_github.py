"""Whatever answers in GitHub's place, publishing ends soon, with an error, and believes no address and no number."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from scripts.errors import PublishError
from scripts.fetch.limits import Limits
from scripts.publish import github_client
from scripts.publish.github_client import GitHubClient, Patience
from scripts.publish.store import Asset, Release
from scripts.publish.store_github import GitHubStore
from tests.fetch.hostile_server import TRANSPORT, Hostile, Script, answering, whole

# A connection that nobody waits for any more is closed by whoever left it, some time later.
pytestmark = pytest.mark.filterwarnings(
    "ignore:unclosed:ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)
SECONDS = 20
NAME = "deepspeed-0.19.8+cputorch2.13-cp311-cp311-linux_x86_64.whl"
RELEASE: dict[str, Any] = {"id": 7, "tag_name": "v0.19.8", "draft": False, "upload_url": "https://u.example/7{?name}"}
ASSET: dict[str, Any] = {
    "id": 9,
    "name": NAME,
    "size": 4,
    "state": "uploaded",
    "digest": "sha256:" + "0" * 64,
    "browser_download_url": f"https://github.com/o/r/releases/download/v0.19.8/{NAME}",
}
V1 = Release(id="7", tag="v0.19.8", draft=False)


@pytest.fixture(autouse=True)
def little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    tight = Limits(begins=1.0, ends=1.0, most=1_000_000, patience=0.5, slowest=1000.0)
    monkeypatch.setattr(github_client, "LIMITS", tight)
    monkeypatch.setattr(github_client, "TIMEOUT", (1, 0.5))


def store_at(site: Hostile) -> GitHubStore:
    return GitHubStore("o/r", GitHubClient(site.url, "token", Patience(attempts=2, sleep=lambda seconds: None)))


@pytest.mark.parametrize("script", TRANSPORT.values(), ids=TRANSPORT)
def test_an_answer_that_is_none_is_an_error_in_time(script: Script) -> None:
    with answering(script) as site:
        started = time.monotonic()
        with pytest.raises(PublishError, match="/repos/o/r/releases"):
            store_at(site).releases()
        assert time.monotonic() - started < SECONDS
        assert len(site.asked) <= 2 * 11


def next_page(to: Callable[[str], str]) -> Script:
    return lambda path: whole([RELEASE], f'Link: <{to(path)}>; rel="next"')(path)


def test_pages_that_begin_anew_or_never_end_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(github_client, "MOST_PAGES", 20)
    with answering(lambda path: iter(())) as site:
        for to in (lambda path: site.url + path, lambda path: f"{site.url}{path}&a"):
            site.asked.clear()
            site.script = next_page(to)
            with pytest.raises(PublishError, match="the list goes on after"):
                store_at(site).releases()
            assert len(site.asked) <= 20


@pytest.mark.parametrize("to", ["https://evil.example/x", "http://127.0.0.1:1/x", "//evil.example/x", "http://[::1"])
def test_a_next_page_elsewhere_is_not_asked_for(to: str) -> None:
    with answering(next_page(lambda path: to)) as site:
        with pytest.raises(PublishError):
            store_at(site).releases()
        assert len(site.asked) == 1


@pytest.mark.parametrize(
    "document", [None, 5, "text", {"message": "x"}, [5], [None], [{}], [[RELEASE]], [{**RELEASE, "id": "7; rm"}]]
)
def test_a_list_of_releases_that_is_none_is_an_error(document: object) -> None:
    with answering(whole(document)) as site, pytest.raises(PublishError):
        store_at(site).releases()


RELEASES: dict[str, list[object]] = {
    "id": [None, "7", -1, 0, True, 1.5],
    "tag_name": [None, 5],
    "draft": [None, "no", 0],
    "upload_url": [None, []],
    "published_at": ["yesterday", 5, "2026-02-30T00:00:00Z"],
}
ASSETS: dict[str, list[object]] = {
    "id": [None, "9", -9],
    "name": [None, "", "../x.whl", "a b", "x" * 300, 5],
    "size": [None, -1, "4", True, 4.5],
    "state": [None, 1],
    "created_at": ["yesterday", 5, '2026-01-31T12:00:00Z"><script>'],
    "digest": ["sha256:", "sha256:" + "0" * 63, "md5:0", 5, "sha256:" + "G" * 64],
    "browser_download_url": [
        None,
        f"http://github.com/{NAME}",
        "https://github.com/x.tar.gz",
        f"https://github.com/x.tar.gz#{NAME}",
        f"https://u:p@github.com/{NAME}",
        f"file:///{NAME}",
        "http://[::1",
    ],
}


@pytest.mark.parametrize(("key", "value"), [(key, value) for key, values in RELEASES.items() for value in values])
def test_a_release_with_a_field_that_is_none_is_an_error(key: str, value: object) -> None:
    with answering(whole([{**RELEASE, key: value}])) as site, pytest.raises(PublishError, match="not as documented"):
        store_at(site).releases()


@pytest.mark.parametrize(("key", "value"), [(key, value) for key, values in ASSETS.items() for value in values])
def test_an_asset_with_a_field_that_is_none_is_an_error(key: str, value: object) -> None:
    with answering(whole([{**ASSET, key: value}])) as site, pytest.raises(PublishError, match="not as documented"):
        store_at(site).assets(V1)


def test_what_is_as_documented_is_read() -> None:
    with answering(whole([ASSET])) as site:
        assert [asset.name for asset in store_at(site).assets(V1)] == [NAME]


def test_a_file_that_is_longer_than_stated_is_not_read_to_its_end() -> None:
    asset = Asset(id="9", name=NAME, size=4, sha256=None)
    with answering(whole(b"longer than that")) as site, pytest.raises(PublishError, match="more than the 4 bytes"):
        store_at(site).read(asset)


@pytest.mark.parametrize(
    "headers",
    [
        ["Retry-After: soon"],
        ["Retry-After: Fri, 99 Foo 99999 99:99:99"],
        ["Retry-After: " + "9" * 400],
        ["x-ratelimit-remaining: 0", "x-ratelimit-reset: never"],
        ["x-ratelimit-remaining: 0", "x-ratelimit-reset: nan"],
        ["x-ratelimit-remaining: 0", "x-ratelimit-reset: " + "9" * 400],
    ],
)
def test_a_wait_that_is_no_number_is_an_error(headers: list[str]) -> None:
    script = whole({"message": "rate limit"}, *headers, status="403 Forbidden")
    with answering(script) as site, pytest.raises(PublishError):
        store_at(site).releases()


def test_a_long_message_is_cut() -> None:
    script = whole({"message": "x" * 100_000, "errors": [{"code": "y" * 9999}] * 99}, status="422 No")
    with answering(script) as site, pytest.raises(PublishError) as caught:
        store_at(site).releases()
    assert len(str(caught.value)) < 3000
