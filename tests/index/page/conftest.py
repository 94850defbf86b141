"""A headless Chromium and a site on loopback; every test that opens a page also proves that it asks nobody else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.index.page.browser import launched, served
from tests.index.page.factories import render, some_builds, some_wheels, write

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with launched() as browser:
        if browser is None:
            pytest.skip("needs Chromium (apt-get install chromium) and the package playwright")
        yield browser


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A site with about half of the plan published, some targets building and some failed."""
    folder = tmp_path_factory.mktemp("site")
    write(render(some_wheels(), builds=some_builds()), folder)
    with served(folder) as address:
        yield address


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[Mapping[str, bytes]], str]]:
    """Serves other files than the site's."""
    write({}, tmp_path)
    with served(tmp_path) as address:

        def put(files: Mapping[str, bytes]) -> str:
            write(files, tmp_path)
            return address

        yield put


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[Callable[..., Page]]:
    """Opens an address in a window of its own; at the end no request has left it and no script has failed."""
    contexts, asked, faults = [], [], []

    def open_one(address: str, **options: Any) -> Page:  # noqa: ANN401  what Playwright takes
        context = chromium.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        contexts.append(context)
        if address.startswith("http:"):
            context.grant_permissions(["clipboard-read", "clipboard-write"], origin=address.split("?")[0])
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
        page.goto(address)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert faults == []
    assert [url for url in asked if not url.startswith(("http://127.0.0.1:", "file:", "data:"))] == []
    assert asked
