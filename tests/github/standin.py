"""A stand-in for GitHub on loopback: releases and assets, checked against GitHub's description; faults on demand."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from tests.github.contract import Contract, Exchange
from tests.github.hosted import REFUSED, Hosted
from tests.github.repository import DOCUMENTATION, NOT_FOUND, Answer, Asset, Repository, invalid
from tests.loopback_server import listening

TOKEN = "ghs_stand-in-for-a-token"
REPOSITORY = "someone/wheels"
RELEASES = rf"/repos/{REPOSITORY}/releases"
Faults = Callable[[str, str], str | None]  # method and path -> the name of a fault


class Dropped(Exception):
    """The connection ends here, without an answer."""


@dataclass
class StandIn:
    """The stand-in and what it saw. `faults` names what goes wrong with a request."""

    contract: Contract | None = None
    repository: Repository = field(default_factory=lambda: Repository(name=REPOSITORY))
    hosted: Hosted = field(default_factory=lambda: Hosted(name=REPOSITORY))
    faults: Faults = lambda method, path: None
    cut_downloads: int = 0  # how many of the next downloads end in the middle
    strict: bool = True  # a request that is not as described is the client's fault, and remembered
    address: str = ""
    objects: str = ""  # the address of the host that has the contents
    uploaded_bytes: int = 0
    requests: list[str] = field(default_factory=list)
    injected: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    leaked: list[str] = field(default_factory=list)  # credentials that arrived where they do not belong

    def answer(self, call: Call) -> Answer:
        """What GitHub does and says."""
        if call.signed is None:
            return 401, {"message": "Bad credentials", "documentation_url": DOCUMENTATION, "status": "401"}
        if call.method != "GET" and not call.signed:
            return 401, {"message": "Requires authentication", "documentation_url": DOCUMENTATION, "status": "401"}
        for pattern, methods in ROUTES:
            match = re.fullmatch(pattern, call.path)
            if match and call.method in methods:
                return methods[call.method](self, call, *(unquote(part) for part in match.groups()))
        return NOT_FOUND


@dataclass
class Call:
    """One request, read."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    base: str

    @property
    def signed(self) -> bool | None:
        """Whether it carries the token; None for another one."""
        given = self.headers.get("Authorization")
        return False if given is None else True if given.split(" ")[-1] == TOKEN else None

    @property
    def fields(self) -> dict[str, Any]:
        """The JSON body."""
        found = json.loads(self.body or b"{}")
        return found if isinstance(found, dict) else {}

    def argument(self, name: str) -> str | None:
        """A value of the query."""
        return parse_qs(self.query, keep_blank_values=True).get(name, [None])[0]


def _create(server: StandIn, call: Call) -> Answer:
    return server.repository.create_release(call.fields, call.base)


def _list(server: StandIn, call: Call) -> Answer:
    return 200, server.repository.list_releases(call.base, bool(call.signed))


def _upload(server: StandIn, call: Call, number: str) -> Answer:
    name = call.argument("name")
    if not name:
        return invalid("ReleaseAsset", "missing_field", "name")
    kind = call.headers.get("Content-Type", "application/octet-stream")
    return server.repository.upload(int(number), name, call.argument("label"), kind, call.body, call.base)


def _get_asset(server: StandIn, call: Call, number: str) -> Answer:
    asset = server.repository.asset(int(number), bool(call.signed))
    if asset is None:
        return NOT_FOUND
    if "octet-stream" in call.headers.get("Accept", ""):
        return 302, f"{server.objects}/{asset.id}"
    return 200, server.repository.asset_document(asset, call.base)


def _download(server: StandIn, call: Call, tag: str, name: str) -> Answer:
    repository = server.repository
    with repository.lock:
        for asset in repository.assets.values():
            fields = repository.releases[asset.release].fields
            if (fields["tag_name"], asset.name, fields["draft"]) == (tag, name, False) and asset.state == "uploaded":
                return 302, f"{server.objects}/{asset.id}"
    return NOT_FOUND


def _query(server: StandIn, call: Call) -> Answer:
    """The two queries of gh that its REST API has no call for: the list of releases, and a draft by its tag."""
    releases = server.repository.list_releases(call.base, bool(call.signed))
    tag = call.fields.get("variables", {}).get("tagName")
    found = next((release for release in releases if release["tag_name"] == tag), None)
    nodes = [
        {
            "name": release["name"],
            "tagName": release["tag_name"],
            "isDraft": release["draft"],
            "isLatest": False,
            "isPrerelease": release["prerelease"],
            "createdAt": release["created_at"],
            "publishedAt": release["published_at"],
        }
        for release in releases
    ]
    page = {"hasNextPage": False, "endCursor": None}
    draft = {"databaseId": found["id"], "isDraft": found["draft"]} if found else None
    listing = {"releases": {"nodes": nodes, "pageInfo": page}}
    asked = listing if "releases(" in call.fields.get("query", "") else {"release": draft}
    return 200, {"data": {"repository": asked}}


def _signed(call: Call) -> Answer | None:
    """The refusal of who brings no token: artifacts and logs are for those who are known."""
    return None if call.signed else REFUSED


def _job(server: StandIn, call: Call, number: str) -> Answer:
    found = server.hosted.job(int(number))
    return (200, server.hosted.job_document(found, call.base)) if found else NOT_FOUND


REPO = rf"/repos/{REPOSITORY}"
ROUTES: tuple[tuple[str, dict[str, Callable[..., Answer]]], ...] = (
    (RELEASES, {"GET": _list, "POST": _create}),
    (rf"{RELEASES}/tags/([^/]+)", {"GET": lambda s, c, tag: s.repository.release_of_tag(tag, c.base)}),
    (
        rf"{RELEASES}/(\d+)",
        {
            "GET": lambda s, c, n: s.repository.get_release(int(n), c.base, bool(c.signed)),
            "PATCH": lambda s, c, n: s.repository.change_release(int(n), c.fields, c.base),
            "DELETE": lambda s, c, n: s.repository.delete_release(int(n)),
        },
    ),
    (
        rf"{RELEASES}/(\d+)/assets",
        {"GET": lambda s, c, n: s.repository.list_assets(int(n), c.base, bool(c.signed)), "POST": _upload},
    ),
    (
        rf"{RELEASES}/assets/(\d+)",
        {
            "GET": _get_asset,
            "PATCH": lambda s, c, n: s.repository.change_asset(int(n), c.fields, c.base),
            "DELETE": lambda s, c, n: s.repository.delete_asset(int(n)),
        },
    ),
    (rf"/{REPOSITORY}/releases/download/([^/]+)/([^/]+)", {"GET": _download}),
    ("/graphql", {"POST": _query}),
    (rf"{REPO}/actions/runs/(\d+)/jobs", {"GET": lambda s, c, n: (200, s.hosted.jobs_of(int(n), c.base))}),
    (rf"{REPO}/actions/runs/(\d+)/artifacts", {"GET": lambda s, c, n: (200, s.hosted.artifacts_of(int(n), c.base))}),
    (rf"{REPO}/actions/jobs/(\d+)", {"GET": _job}),
    (rf"{REPO}/actions/jobs/(\d+)/logs", {"GET": lambda s, c, n: _signed(c) or s.hosted.log_of(int(n), s.objects)}),
    (
        rf"{REPO}/actions/artifacts/(\d+)/zip",
        {"GET": lambda s, c, n: _signed(c) or s.hosted.download(int(n), s.objects)},
    ),
    (f"{REPO}/issues", {"GET": lambda s, c: s.hosted.answer_issues(c.argument, c.base)}),
    (
        rf"{REPO}/issues/(\d+)/comments",
        {
            "GET": lambda s, c, n: s.hosted.comments(int(n), c.base),
            "POST": lambda s, c, n: s.hosted.say(int(n), c.fields, c.base),
        },
    ),
    (rf"{REPO}/issues/comments/(\d+)", {"PATCH": lambda s, c, n: s.hosted.change(int(n), c.fields, c.base)}),
)


class ApiHandler(BaseHTTPRequestHandler):
    """Reads a request, lets a fault happen, answers."""

    protocol_version = "HTTP/1.1"
    server: ApiServer

    def log_message(self, format: str, *words: object) -> None:
        pass

    def handle_any(self) -> None:
        standin = self.server.standin
        parts = urlsplit(self.path)
        fault = standin.faults(self.command, parts.path)
        if fault:
            standin.injected.append(fault)
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length // 2 if fault == "cut" else length)
        host = self.headers.get("Host", "")
        base = f"https://{host.replace('uploads.', 'api.')}" if host.endswith("github.com") else standin.address
        method = "GET" if self.command == "HEAD" else self.command
        call = Call(method, parts.path, parts.query, dict(self.headers.items()), body, base)
        standin.requests.append(f"{self.command} {parts.path}")
        if self.command == "POST" and parts.path.endswith("/assets"):
            standin.uploaded_bytes += len(body)
        try:
            self._answer(call, fault)
        except (Dropped, ConnectionError):
            self.close_connection = True

    do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = do_HEAD = do_TRACE = do_OPTIONS = do_QUERY = handle_any

    def _answer(self, call: Call, fault: str | None) -> None:
        if fault in BEFORE:
            BEFORE[fault](self, call)
            return
        if fault in ("flip", "truncate"):
            call.body = call.body[:-10] if fault == "truncate" else bytes([call.body[0] ^ 1]) + call.body[1:]
        status, document = self._checked(call)
        if fault in ("drop-after", "502-after"):
            self.refuse(502, {}) if fault == "502-after" else self.drop(call)
            return
        if fault == "slow":
            time.sleep(0.3)
        self._send(call, status, document)

    def _checked(self, call: Call) -> Answer:
        """The answer; refused at once when the request is not as described."""
        standin = self.server.standin
        if standin.contract and call.path.startswith("/repos/"):
            asked = Exchange(
                method=call.method,
                path=call.path,
                query=call.query,
                headers=call.headers,
                body=call.body,
                status=0,
                answer=b"",
                kind="",
            )
            faults = standin.contract.faults_of_request(asked)
            if faults and standin.strict:
                standin.violations += [f"request: {fault}" for fault in faults]
            if faults:
                return invalid("Request", "invalid", "request")
        return standin.answer(call)

    def _send(self, call: Call, status: int, document: Any) -> None:  # noqa: ANN401  any JSON
        headers = {"x-ratelimit-remaining": "4999", "x-ratelimit-limit": "5000"}
        if status == 302:
            headers["Location"], document = document, None
        document, link = _page(call, document)
        headers |= {"Link": link} if link else {}
        content = b"" if document is None else json.dumps(document).encode()
        self._check_answer(call, status, content)
        self.reply(status, content, headers)

    def _check_answer(self, call: Call, status: int, content: bytes) -> None:
        standin = self.server.standin
        if standin.contract and call.path.startswith("/repos/") and status != 302:
            told = Exchange(
                method=call.method,
                path=call.path,
                query=call.query,
                headers=call.headers,
                body=call.body,
                status=status,
                answer=content,
                kind="application/json",
            )
            standin.violations += [f"answer: {fault}" for fault in standin.contract.faults_of_answer(told)]

    def reply(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def refuse(self, status: int, headers: dict[str, str], message: str = "Server Error") -> None:
        self.reply(status, json.dumps({"message": message, "documentation_url": DOCUMENTATION}).encode(), headers)

    def drop(self, call: Call) -> None:
        raise Dropped

    def cut(self, call: Call) -> None:
        """The connection ends in the middle of an upload, and leaves a half asset."""
        self.server.standin.repository.leave_starter(int(call.path.split("/")[-2]), call.argument("name") or "")
        raise Dropped

    def starter(self, call: Call) -> None:
        """ "When an upstream failure occurs, you will receive a 502. This may leave an empty asset, state starter"."""
        self.server.standin.repository.leave_starter(int(call.path.split("/")[-2]), call.argument("name") or "")
        self.refuse(502, {})


BEFORE: dict[str | None, Callable[[ApiHandler, Call], None]] = {
    "500": lambda handler, call: handler.refuse(500, {}),
    "502": lambda handler, call: handler.refuse(502, {}),
    "503": lambda handler, call: handler.refuse(503, {"Retry-After": "7"}),
    "429": lambda handler, call: handler.refuse(429, {"Retry-After": "11"}, "Too many requests"),
    "secondary": lambda handler, call: handler.refuse(403, {}, "You have exceeded a secondary rate limit."),
    "secondary-after": lambda handler, call: handler.refuse(403, {"Retry-After": "23"}, "secondary rate limit"),
    "primary": lambda handler, call: handler.refuse(
        403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": f"{time.time() + 1234:.0f}"}, "API rate limit exceeded"
    ),
    "drop": ApiHandler.drop,
    "cut": ApiHandler.cut,
    "starter": ApiHandler.starter,
}
ANYWHERE = ("500", "502", "503", "429", "secondary", "secondary-after", "primary", "drop", "drop-after", "502-after")
UPLOADS = (*ANYWHERE, "cut", "starter", "flip", "truncate")


def _page(call: Call, document: Any) -> tuple[Any, str]:  # noqa: ANN401  any JSON
    """One page of a list, wrapped in a document that counts it or not, and the Link header; all of anything else."""
    if isinstance(document, list):
        return _part(call, document)
    if isinstance(document, dict) and "total_count" in document:
        [(key, entries)] = [(key, value) for key, value in document.items() if isinstance(value, list)]
        part, link = _part(call, entries)
        return {**document, key: part}, link
    return document, ""


def _part(call: Call, entries: list[Any]) -> tuple[list[Any], str]:
    size = min(100, max(1, _whole(call.argument("per_page"), 30)))
    page = max(1, _whole(call.argument("page"), 1))
    more = page * size < len(entries)
    asked = {name: values[0] for name, values in parse_qs(call.query, keep_blank_values=True).items()}
    address = f"{call.base}{call.path}?{urlencode({**asked, 'per_page': size, 'page': page + 1})}"
    return entries[(page - 1) * size : page * size], f'<{address}>; rel="next"' if more else ""


def _whole(text: str | None, default: int) -> int:
    return int(text) if text and re.fullmatch(r"\d{1,9}", text) else default


class ApiServer(ThreadingHTTPServer):
    """The API's host."""

    daemon_threads = True
    standin: StandIn

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401  a client that was killed
        pass


class ObjectsHandler(BaseHTTPRequestHandler):
    """Hands out contents; whoever brings a token here has lost it."""

    server: ApiServer

    def log_message(self, format: str, *words: object) -> None:
        pass

    def do_GET(self) -> None:
        send_content(self, self.server.standin)


def send_content(handler: BaseHTTPRequestHandler, standin: StandIn) -> None:
    """An asset's content, by its id."""
    if "Authorization" in handler.headers:
        standin.leaked.append(handler.path)
    name = handler.path.strip("/")
    asset: Asset | None = standin.repository.asset(int(name), True) if name.isdecimal() else None
    content = asset.content if asset else standin.hosted.contents.get(name, b"")
    handler.send_response(200 if content or asset else 404)
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    cut = standin.cut_downloads > 0
    standin.cut_downloads -= cut
    handler.wfile.write(content[: len(content) // 2] if cut else content)
    handler.close_connection = handler.close_connection or cut


class LocalApiServer(ApiServer):
    """The API's host behind a unix socket, where a client believes that it talks to github.com."""

    address_family = getattr(socket, "AF_UNIX", socket.AF_INET)

    def server_bind(self) -> None:
        self.socket.bind(self.server_address)
        self.server_name, self.server_port = "api.github.com", 443


class LocalApiHandler(ApiHandler):
    """The same answers, and the contents; a unix socket's client has no address."""

    def address_string(self) -> str:
        return "local"

    def do_GET(self) -> None:
        """The host of the contents is behind the same socket."""
        if re.fullmatch(r"/\d+", self.path):
            send_content(self, self.server.standin)
        else:
            self.handle_any()


@contextmanager
def serving_locally(standin: StandIn, file: str) -> Iterator[None]:
    """The same stand-in on a unix socket, too."""
    server = LocalApiServer(file, LocalApiHandler)  # type: ignore[arg-type]  # the path of a socket is no host and port
    server.standin = standin
    with listening(server):
        yield


@contextmanager
def serving(standin: StandIn) -> Iterator[StandIn]:
    """The stand-in, listening on loopback; both its hosts end with the block."""
    api = ApiServer(("127.0.0.1", 0), ApiHandler)
    objects = ApiServer(("127.0.0.1", 0), ObjectsHandler)
    standin.address = f"http://127.0.0.1:{api.server_address[1]}"
    standin.objects = f"http://127.0.0.1:{objects.server_address[1]}"
    for server in (api, objects):
        server.standin = standin
    with listening(api), listening(objects):
        yield standin
