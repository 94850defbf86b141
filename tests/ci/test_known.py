"""What the published site remembers of builds; a site that is not there, or broken, stops nothing."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from scripts.ci.results import known_builds
from scripts.fetch import download
from tests.loopback_server import listening
from tests.plan.factories import make_target

ID = make_target().id
ANSWERS = {
    "/good/builds.json": (200, f'{{"{ID}": {{"state": "failed", "message": "x"}}}}'),
    "/broken/builds.json": (200, '{"nonsense": 1}'),
    "/down/builds.json": (503, ""),
}


class Site(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status, body = ANSWERS.get(self.path, (404, ""))
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def site() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    with listening(server):
        yield f"http://127.0.0.1:{server.server_port}/"


def test_builds_of_the_site_are_known(site: str) -> None:
    assert known_builds(f"{site}good/", pytest.fail)[ID].state == "failed"


def test_no_site_and_a_site_before_its_first_day_know_nothing(site: str) -> None:
    assert known_builds("", pytest.fail) == {}
    assert known_builds(f"{site}never/", pytest.fail) == {}


@pytest.mark.parametrize("fault", ["broken", "down"])
def test_a_site_that_cannot_be_read_is_logged(site: str, fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "PAUSES", (0.01, 0.01))
    said: list[str] = []
    assert known_builds(f"{site}{fault}/", said.append) == {}
    assert f"{fault}/builds.json" in said[0]
