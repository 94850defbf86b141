"""A GitHub on loopback and a served site, for workflows that are rehearsed."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.github.contract import load_contract
from tests.github.standin import StandIn, serving
from tests.loopback_server import listening


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *words: object) -> None:
        pass


@pytest.fixture(scope="module")
def standin() -> Iterator[StandIn]:
    with serving(StandIn(contract=load_contract())) as found:
        yield found
    assert found.violations == []
    assert found.leaked == []


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """The folder of a rehearsal, and the address at which what it deploys is served."""
    folder = tmp_path_factory.mktemp("rehearsal")
    handler = partial(QuietHandler, directory=str(folder / "state"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    with listening(server):
        yield folder, f"http://127.0.0.1:{server.server_port}/site/"
