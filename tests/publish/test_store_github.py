"""The GitHub store keeps to GitHub's rules, says what GitHub said, and gives the token to nobody else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from scripts.errors import InputError, PrerequisiteError, PublishError
from scripts.publish.github_client import GitHubClient, Patience
from scripts.publish.store import STAGED, Payload, Release, payload_of_bytes
from scripts.publish.store_address import open_store
from scripts.publish.store_github import GitHubStore
from tests.github.fixtures import quick_client, quick_store, standin
from tests.github.standin import REPOSITORY, TOKEN, StandIn
from tests.loopback_server import listening

__all__ = ["standin"]  # a fixture

PAYLOAD = payload_of_bytes("deepspeed-0.19.8+cputorch2.13-cp311-cp311-linux_x86_64.whl", b"the wheel's content")
RECORDED = Path(__file__).parent.parent / "github" / "recorded"


def unwatched(name: str, count: int) -> None:
    """Nobody looks."""


def make_draft(store: GitHubStore, tag: str = "v0.19.8") -> Release:
    return store.create(tag, "DeepSpeed 0.19.8", "text")


def fail_once(standin: StandIn, fault: str, method: str, path: str = "", times: int = 1) -> None:
    """The next calls of this method whose path ends so go wrong."""
    left = [fault] * times

    def faults(asked: str, where: str) -> str | None:
        return left.pop() if left and asked == method and where.endswith(path) else None

    standin.faults = faults


# ---------------------------------------------------------------- what the store does


def test_an_asset_is_stated_with_its_name_size_and_digest(standin: StandIn) -> None:
    store = quick_store(standin)
    release = make_draft(store)
    asset = store.upload(release, PAYLOAD, PAYLOAD.name, unwatched)
    assert PAYLOAD.is_in(asset)
    assert asset.name == PAYLOAD.name  # the + of a local version arrives as it is
    assert store.assets(release) == (asset,)
    assert store.read(asset) == PAYLOAD.source


def test_everything_is_listed_over_all_pages(standin: StandIn) -> None:
    store = quick_store(standin)
    release = make_draft(store)
    for number in range(205):
        standin.repository.upload(int(release.id), f"a{number}", None, "text/plain", b"x", standin.address)
    assert len({asset.name for asset in store.assets(release)}) == 205
    assert sum(request.startswith("GET") for request in standin.requests) == 3


def test_releases_with_other_tags_are_not_ours(standin: StandIn) -> None:
    store = quick_store(standin)
    for tag in ("v0.19.8", "v0.19.8-2", "v0.19.8-1", "v0.19.8-rc1", "latest", "nightly"):
        make_draft(store, tag)
    found = {release.tag: (release.version, release.number) for release in store.releases()}
    assert found == {"v0.19.8": ("0.19.8", 1), "v0.19.8-2": ("0.19.8", 2)}


def test_a_draft_becomes_public_and_a_name_final(standin: StandIn) -> None:
    store = quick_store(standin)
    release = make_draft(store)
    asset = store.upload(release, PAYLOAD, PAYLOAD.name + STAGED, unwatched)
    store.rename(asset, PAYLOAD.name)
    store.publish(release)
    (found,) = GitHubStore(REPOSITORY, quick_client(standin, token="")).releases()
    assert (found.tag, found.draft) == ("v0.19.8", False)
    assert [asset.name for asset in store.assets(found)] == [PAYLOAD.name]


def test_a_draft_is_not_seen_without_a_token(standin: StandIn) -> None:
    make_draft(quick_store(standin))
    assert GitHubStore(REPOSITORY, quick_client(standin, token="")).releases() == ()


def test_what_is_gone_already_can_be_deleted(standin: StandIn) -> None:
    store = quick_store(standin)
    asset = store.upload(make_draft(store), PAYLOAD, PAYLOAD.name, unwatched)
    store.delete(asset)
    store.delete(asset)


def test_an_immutable_release_is_sealed_once_it_is_public(standin: StandIn) -> None:
    store = quick_store(standin)
    release = make_draft(store)
    standin.repository.releases[int(release.id)].immutable = True
    assert [found.immutable for found in store.releases()] == [False]
    store.publish(release)
    assert [found.immutable for found in store.releases()] == [True]


def test_a_digest_that_github_does_not_state_is_that_of_the_download(standin: StandIn) -> None:
    standin.repository.digests = False
    store = quick_store(standin)
    asset = store.upload(make_draft(store), PAYLOAD, PAYLOAD.name, unwatched)
    assert asset.sha256 is None
    assert store.digest(asset) == PAYLOAD.sha256
    assert standin.leaked == []  # the content comes from another host


def test_a_name_that_github_changes_is_an_error(standin: StandIn) -> None:
    store = quick_store(standin)
    with pytest.raises(PublishError, match=r"GitHub calls a b 'a\.b' instead"):
        store.upload(make_draft(store), PAYLOAD, "a b", unwatched)


# ---------------------------------------------------------------- when something fails


@pytest.mark.parametrize("fault", ["drop", "drop-after", "502", "502-after", "503", "cut", "starter"])
def test_an_upload_that_fails_is_looked_for_before_it_is_sent_again(standin: StandIn, fault: str) -> None:
    store = quick_store(standin)
    release = make_draft(store)
    fail_once(standin, fault, "POST", "/assets")
    assert PAYLOAD.is_in(store.upload(release, PAYLOAD, PAYLOAD.name, unwatched))
    assert [asset.name for asset in store.assets(release)] == [PAYLOAD.name]
    sent = sum(request.endswith("/assets") and request.startswith("POST") for request in standin.requests)
    assert sent == (1 if fault.endswith("-after") else 2)


def test_a_download_that_is_cut_is_begun_anew(standin: StandIn) -> None:
    standin.repository.digests = False
    store = quick_store(standin)
    asset = store.upload(make_draft(store), PAYLOAD, PAYLOAD.name, unwatched)
    standin.cut_downloads = 2
    assert store.read(asset) == PAYLOAD.source
    standin.cut_downloads = 2
    assert store.digest(asset) == PAYLOAD.sha256
    standin.cut_downloads = 99
    with pytest.raises(PublishError, match=r"the download of deepspeed-.* broke off .*, 9 times; run the same command"):
        store.read(asset)


def test_a_half_upload_under_the_name_is_removed_first(standin: StandIn) -> None:
    store = quick_store(standin)
    release = make_draft(store)
    standin.repository.leave_starter(int(release.id), PAYLOAD.name)
    assert [asset.complete for asset in store.assets(release)] == [False]
    assert PAYLOAD.is_in(store.upload(release, PAYLOAD, PAYLOAD.name, unwatched))


def test_a_public_asset_is_never_replaced(standin: StandIn) -> None:
    store = quick_store(standin)
    release = make_draft(store)
    store.upload(release, payload_of_bytes(PAYLOAD.name, b"other"), PAYLOAD.name, unwatched)
    store.publish(release)
    (public,) = store.releases()
    with pytest.raises(PublishError, match="is never replaced"):
        store.upload(public, PAYLOAD, PAYLOAD.name, unwatched)
    assert store.read(store.assets(public)[0]) == b"other"


@pytest.mark.parametrize("fault", ["drop", "drop-after", "502-after", "500"])
def test_a_draft_is_made_once_whatever_became_of_the_answer(standin: StandIn, fault: str) -> None:
    store = quick_store(standin)
    fail_once(standin, fault, "POST", "/releases")
    release = make_draft(store)
    assert [found.id for found in store.releases()] == [release.id]


@pytest.mark.parametrize(
    ("fault", "low", "high"),
    [
        ("503", 7, 7),
        ("429", 11, 11),
        ("secondary-after", 23, 23),
        ("secondary", 60, 60),
        ("primary", 1200, 1240),
        ("500", 0.7, 1.3),
        ("drop", 0.7, 1.3),
    ],
)
def test_the_wait_is_the_one_that_github_asks_for(standin: StandIn, fault: str, low: float, high: float) -> None:
    slept: list[float] = []
    store = quick_store(standin, slept)
    fail_once(standin, fault, "GET")
    assert store.releases() == ()
    assert len(slept) == 1
    assert low <= slept[0] <= high


def test_the_wait_doubles_and_ends_as_an_error_that_says_what_to_do(standin: StandIn) -> None:
    slept: list[float] = []
    standin.faults = lambda method, path: "502"
    with pytest.raises(PublishError, match="GitHub answered 502, 9 times; run the same command again later") as told:
        quick_store(standin, slept).releases()
    assert told.value.id == "github-not-available"
    assert [round(wait / 2**number) for number, wait in enumerate(slept[:5])] == [1] * 5
    assert max(slept) <= 75


def test_a_wait_that_takes_too_long_is_told_instead(standin: StandIn) -> None:
    standin.faults = lambda method, path: "primary"
    client = GitHubClient(standin.address, TOKEN, Patience(longest=60, sleep=lambda seconds: None))
    with pytest.raises(PublishError, match=r"used up; run the same command again at .* UTC, in 12") as told:
        GitHubStore(REPOSITORY, client).releases()
    assert told.value.id == "rate-limit"
    assert "GITHUB_TOKEN" not in str(told.value)  # this client has one


def test_a_long_wait_can_be_given_up(standin: StandIn) -> None:
    slept: list[float] = []
    client = GitHubClient(standin.address, TOKEN, Patience(sleep=slept.append))
    store = GitHubStore(REPOSITORY, client)
    release = make_draft(store)
    fail_once(standin, "primary", "POST", "/assets")

    def stop_after_three(name: str, count: int) -> None:
        if len(slept) == 3:
            raise PublishError("stopped")

    with pytest.raises(PublishError, match="stopped"):
        store.upload(release, PAYLOAD, PAYLOAD.name, stop_after_three)
    assert slept == [1.0, 1.0, 1.0]


def test_waits_are_told(standin: StandIn) -> None:
    told: list[str] = []
    client = GitHubClient(standin.address, TOKEN, Patience(sleep=lambda seconds: None), told.append)
    fail_once(standin, "429", "GET")
    GitHubStore(REPOSITORY, client).releases()
    assert told == [f"GET /repos/{REPOSITORY}/releases: GitHub's rate limit is reached; waiting 11 s"]


def test_a_refusal_is_not_asked_again_and_says_what_to_do(standin: StandIn) -> None:
    store = GitHubStore("someone/else", quick_client(standin))
    with pytest.raises(PublishError, match="GitHub answered 404: Not Found; it does not exist, or"):
        store.releases()
    assert len(standin.requests) == 1


# ---------------------------------------------------------------- the token


def test_a_wrong_token_is_told_and_not_shown(standin: StandIn) -> None:
    with pytest.raises(PublishError, match="answered 401: Bad credentials") as told:
        GitHubStore(REPOSITORY, quick_client(standin, token="ghs_secret")).releases()
    assert "ghs_secret" not in str(told.value)
    assert told.value.id == "token-not-accepted"


@pytest.mark.parametrize("token", ["two words", "line\nbreak", "ümlaut"])
def test_a_token_that_cannot_be_one_is_told_and_not_shown(token: str) -> None:
    with pytest.raises(InputError) as told:
        GitHubClient("https://api.github.com", token)
    assert token not in str(told.value)
    assert "GITHUB_TOKEN" in str(told.value)


@pytest.mark.parametrize(
    "upload_url", ["https://elsewhere.example/upload", "http://uploads.github.com/x", "http://127.0.0.1:9/upload"]
)
def test_the_token_goes_to_no_other_host(standin: StandIn, upload_url: str) -> None:
    store = quick_store(standin)
    release = replace(make_draft(store), upload_url=upload_url)
    with pytest.raises(PublishError, match="the token is not sent there"):
        store.upload(release, PAYLOAD, PAYLOAD.name, unwatched)


def test_a_next_page_elsewhere_is_not_asked_for(standin: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    store = quick_store(standin)
    release = make_draft(store)
    for number in range(101):
        standin.repository.upload(int(release.id), f"a{number}", None, "text/plain", b"x", standin.address)
    elsewhere = '<http://127.0.0.1:9/next>; rel="next"'
    monkeypatch.setattr("tests.github.standin._page", lambda call, entries: (entries[:1], elsewhere))
    with pytest.raises(PublishError, match="the token is not sent there"):
        store.assets(release)


@pytest.mark.parametrize("address", ["http://api.github.com", "ftp://127.0.0.1", "api.github.com", ""])
def test_an_address_that_is_not_safe_is_refused(address: str) -> None:
    with pytest.raises(InputError, match="give an https address"):
        GitHubClient(address, TOKEN)


@pytest.mark.parametrize(
    ("api", "uploads", "allowed"),
    [
        ("https://api.github.com", "https://uploads.github.com/x", True),
        ("https://api.octo.ghe.com", "https://uploads.octo.ghe.com/x", True),
        ("https://github.example/api/v3", "https://github.example/api/uploads/x", True),
        ("https://api.github.com", "https://uploads.github.com.evil.example/x", False),
        ("https://api.github.com", "https://uploads.github.com:8443/x", False),
        ("https://api.github.com", "https://api.github.com@evil.example/x", False),
    ],
)
def test_uploads_go_to_the_apis_own_host_for_them(
    api: str, uploads: str, allowed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = GitHubClient(api, TOKEN)
    asked: list[str] = []

    def note(self: object, method: str, url: str, **options: object) -> None:
        asked.append(url)
        raise AssertionError("stop here: nothing is sent")

    monkeypatch.setattr("requests.Session.request", note)
    with pytest.raises(AssertionError if allowed else PublishError):
        client.attempt("POST", uploads)
    assert asked == ([uploads] if allowed else [])


def test_publishing_needs_a_token_and_reading_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_TOKEN", "GH_TOKEN", "GITHUB_API_URL"):
        monkeypatch.delenv(name, raising=False)
    assert open_store("github:someone/wheels").address == "github:someone/wheels"
    with pytest.raises(PrerequisiteError, match="contents: write"):
        open_store("github:someone/wheels", writing=True)


def test_in_github_actions_the_repository_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_REPOSITORY", "someone/wheels")
    assert open_store("").address == "github:someone/wheels"


@pytest.mark.parametrize("name", ["", "wheels", "a/b/c", "a/b?x", "../b"])
def test_a_repository_of_another_form_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="give github:OWNER/REPO"):
        open_store(f"github:{name}")


# ---------------------------------------------------------------- answers recorded from GitHub


@contextmanager
def replaying(entries: list[dict[str, Any]]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A server that gives the recorded answers in their order, to the recorded requests only."""
    waiting = list(entries)

    class Replay(BaseHTTPRequestHandler):
        def log_message(self, format: str, *words: object) -> None:
            pass

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            told = waiting.pop(0)
            assert (self.command, self.path.partition("?")[0]) == (
                told["method"].upper(),
                told["path"].partition("?")[0],
            )
            assert (json.loads(body) if isinstance(told["body"], dict) else body) == told["body"]
            content = json.dumps(told["response"]).encode() if told["status"] != 204 else b""
            for host in ("api", "uploads"):
                content = content.replace(f"https://{host}.github.com".encode(), address.encode())
            self.send_response(told["status"])
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_DELETE = handle_any

    server = ThreadingHTTPServer(("127.0.0.1", 0), Replay)
    address = f"http://127.0.0.1:{server.server_address[1]}"
    with listening(server):
        yield address, waiting


def recorded(scenario: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((RECORDED / f"{scenario}.json").read_text(encoding="utf-8"))
    return found


def recorded_release(entry: dict[str, Any], address: str) -> Release:
    assert entry["path"].endswith("/releases/tags/v1.0.0")
    document = entry["response"]
    url = document["upload_url"].partition("{")[0].replace("https://uploads.github.com", address)
    return Release(id=str(document["id"]), tag=document["tag_name"], draft=True, upload_url=url)


TOLD = Payload(name="test-upload.txt", size=14, sha256="0" * 64, source=b"Hello, world!\n")


def test_recorded_answers_of_github_are_understood() -> None:
    by_tag, upload, listing, _, change, removal = recorded("release-assets")
    change["body"] = {"name": "new-filename.txt"}  # it was recorded with a label, too
    with replaying([upload, listing, change, removal]) as (address, waiting):
        store = GitHubStore("octokit-fixture-org/release-assets", GitHubClient(address, TOKEN))
        release = recorded_release(by_tag, address)
        asset = store.upload(release, TOLD, TOLD.name, unwatched)
        assert (asset.id, asset.name, asset.size, asset.sha256, asset.complete) == ("1000", TOLD.name, 14, None, True)
        assert store.assets(release) == (asset,)
        store.rename(asset, "new-filename.txt")
        store.delete(asset)
    assert waiting == []


def test_the_recorded_conflict_of_github_is_resolved_as_it_was() -> None:
    by_tag, *calls = recorded("release-assets-conflict")
    with replaying(calls) as (address, waiting):
        store = GitHubStore("octokit-fixture-org/release-assets-conflict", GitHubClient(address, TOKEN))
        asset = store.upload(recorded_release(by_tag, address), TOLD, TOLD.name, unwatched)
    assert asset.complete
    assert waiting == []
