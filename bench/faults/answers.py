"""Answers that no honest index, site or GitHub gives: endless, huge, of another kind, or leading elsewhere."""

from __future__ import annotations

import gzip
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from unittest.mock import patch

from bench.faults.part import Case, LostError, Part, ends_well
from scripts.command import no_log
from scripts.fetch import download, limits
from scripts.fetch.index_client import pip_settings
from scripts.index.published_site import read_site
from scripts.publish.store_records import store_records
from scripts.wheel_build.source import fetch_source
from tests.github.fixtures import quick_store
from tests.github.standin import StandIn
from tests.loopback_server import listening

MOST_REQUESTS = 300
MOST_BYTES = 1 << 30  # of memory more than before
ZEROS = gzip.compress(bytes(1 << 26)) * 48  # three gigabytes in three megabytes
SDIST = b'<a href="/files/deepspeed-0.19.8.tar.gz#sha256=%s">deepspeed-0.19.8.tar.gz</a>' % (b"0" * 64)


class Hostile(ThreadingHTTPServer):
    """A server on loopback whose answer to every request is of one kind."""

    daemon_threads = True

    def __init__(self) -> None:
        self.kind: Callable[[Answer], None] = _page
        self.page: bytes | None = None  # what is answered honestly, to lead to a file
        self.requests = 0
        super().__init__(("127.0.0.1", 0), Answer)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class Answer(BaseHTTPRequestHandler):
    """One answer."""

    server: Hostile

    def do_GET(self) -> None:
        """Answer as the server's kind does."""
        self.server.requests += 1
        self.close_connection = True
        with suppress(OSError):  # the client has gone, rightly
            if self.server.page is not None and "/files/" not in self.path:
                self.give(self.server.page, {"Content-Type": "text/html"})
            else:
                self.server.kind(self)

    do_HEAD = do_POST = do_GET

    def give(self, body: bytes, headers: dict[str, str], status: int = 200, length: int | None = -1) -> None:
        """Headers and body; without a length when that is None."""
        self.send_response(status)
        told = {} if length is None else {"Content-Length": str(len(body) if length < 0 else length)}
        for name, value in {"Content-Type": "application/json", **told, **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


def _page(answer: Answer) -> None:
    answer.give(b"<html><body>Please log in</body></html>", {"Content-Type": "text/html"})


def _bomb(answer: Answer) -> None:
    answer.give(ZEROS, {"Content-Encoding": "gzip"})


def _endless(answer: Answer) -> None:
    answer.give(b"[", {}, length=None)
    while True:
        answer.wfile.write(b" " * (1 << 16))


def _drip(answer: Answer) -> None:
    answer.give(b"[", {}, length=1 << 30)
    while True:
        time.sleep(0.2)
        answer.wfile.write(b" ")


def _itself(answer: Answer) -> None:
    address = f"{answer.server.url}{answer.path}"
    answer.give(b"[]", {"Link": f'<{address}>; rel="next"', "Location": address}, status=200)


def _circle(answer: Answer) -> None:
    answer.give(b"", {"Location": f"{answer.path}?again"}, status=302)


def _file(answer: Answer) -> None:
    answer.give(b"", {"Location": "file:///etc/hostname"}, status=302)


def _shapes(answer: Answer) -> None:
    odd = b'[{"id": "../../x", "tag_name": "v0.19.8", "draft": false, "assets": null}, null, 7]'
    answer.give(odd, {})


def _deep(answer: Answer) -> None:
    answer.give(b"[" * 10**6, {})


def _cut(answer: Answer) -> None:
    answer.give(b'[{"id": 1', {}, length=5000)


def _noise(answer: Answer) -> None:
    answer.give(random.Random(1).randbytes(10**5), {})


def _broken(answer: Answer) -> None:
    answer.give(b"zz\r\nno chunk", {"Transfer-Encoding": "chunked"}, length=None)


def _later(answer: Answer) -> None:
    answer.give(b"{}", {"Retry-After": str(10**9), "X-RateLimit-Remaining": "0"}, status=429)


def _headers(answer: Answer) -> None:
    answer.give(b"[]", {f"X-{number}": "y" * 1000 for number in range(2000)})


def _silent(answer: Answer) -> None:
    """The connection ends without an answer."""


KINDS = (
    _page,
    _bomb,
    _endless,
    _drip,
    _itself,
    _circle,
    _file,
    _shapes,
    _deep,
    _cut,
    _noise,
    _broken,
    _later,
    _headers,
    _silent,
)
HARMLESS = (_itself,)  # `[]` with a link to itself: nothing is offered, whether that is an error or not


@contextmanager
def hostile() -> Iterator[Hostile]:
    """A hostile server at work."""
    server = Hostile()
    with listening(server):
        yield server


@contextmanager
def _answers(folder: Path) -> Iterator[Case]:
    """Every kind, asked for by chance; limits of time are as they are, but shorter: the same code ends what is slow."""
    told = {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    short = replace(limits.LIMITS, begins=10.0, ends=30.0, patience=3.0)

    def case(index: int, chance: random.Random) -> None:
        kind, asker = KINDS[index // 2 % len(KINDS)], (_ask_site, _ask_github, _ask_index)[chance.randrange(3)]
        before = peak_bytes()
        with hostile() as server:
            server.kind = kind
            with patch.dict(os.environ, {**told, "PIP_INDEX_URL": f"{server.url}/simple/"}):
                pip_settings.cache_clear()
                done = ends_well(lambda: asker(server, chance))
        pip_settings.cache_clear()
        who = f"{asker.__name__} {kind.__name__}"
        if done and kind not in HARMLESS:
            raise LostError(f"believed: {who}")
        if server.requests > MOST_REQUESTS:
            raise LostError(f"endless: {server.requests} requests, {who}")
        if peak_bytes() - before > MOST_BYTES:
            raise LostError(f"endless: {(peak_bytes() - before) >> 20} MiB of memory, {who}")

    pauses = patch.multiple(download, PAUSES=(0.1,) * 4, LONGEST_PAUSE=1.0)
    with patch.object(limits, "LIMITS", short), pauses:
        yield case


def _ask_site(server: Hostile, chance: random.Random) -> None:
    read_site(server.url)


def _ask_github(server: Hostile, chance: random.Random) -> None:
    store_records(quick_store(StandIn(address=server.url)), {}, no_log)


def _ask_index(server: Hostile, chance: random.Random) -> None:
    server.page = SDIST if chance.random() < 0.5 else None
    with tempfile.TemporaryDirectory() as folder:
        fetch_source("0.19.8", Path(folder), kinds=("sdist",))


def peak_bytes() -> int:
    """The most memory that this process ever had; 0 where the system does not tell."""
    if sys.platform == "win32":
        return 0
    else:  # noqa: RET505  mypy knows this form
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


ANSWERS = Part(
    name="answers", what="a hostile answer of an index, a site or GitHub", cases=30, seconds=200, place=_answers
)
