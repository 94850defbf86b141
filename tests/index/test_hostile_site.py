"""Whatever a site answers, `find` and `index` end soon, with an error that names the site, and pip is sent nowhere."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scripts.errors import DataError, InputError, WheelsError
from scripts.fetch import download, limits, transfer
from scripts.index import published_site
from scripts.index.published_site import read_site, root_of
from scripts.index.simple_index import WHEELS
from scripts.wheel.documents import write_wheels
from scripts.wheel.published import Published
from scripts.wheel_build.build_environment import reachable
from tests.fetch.hostile_server import TRANSPORT, Script, answering, whole
from tests.wheel.factories import make_wheel_record

# A connection that nobody waits for any more is closed by whoever left it, some time later.
pytestmark = pytest.mark.filterwarnings(
    "ignore:unclosed:ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)
SECONDS = 20  # for three tries, on a busy machine


@pytest.fixture(autouse=True)
def little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    tight = limits.Limits(begins=1.0, ends=1.0, most=1_000_000, patience=0.5, slowest=1000.0)
    monkeypatch.setattr(limits, "LIMITS", tight)
    monkeypatch.setattr(transfer, "TIMEOUT", (1, 0.5))
    monkeypatch.setattr(download, "PAUSES", (0.0, 0.0))
    monkeypatch.setattr(published_site, "LIMIT", 1_000_000)


@pytest.mark.parametrize("script", TRANSPORT.values(), ids=TRANSPORT)
def test_an_answer_that_is_none_is_an_error_in_time(script: Script) -> None:
    with answering(script) as site:
        started = time.monotonic()
        with pytest.raises(WheelsError) as caught:
            read_site(f"{site.url}/")
        assert time.monotonic() - started < SECONDS
        assert isinstance(caught.value, InputError | DataError)
        assert "wheels.json" in str(caught.value)
        assert len(site.asked) <= 3 * (limits.MOST_REDIRECTS + 1)


@pytest.mark.parametrize("name", ["drops of headers", "silence", "always on", "no end", "an address that is none"])
def test_whether_an_index_is_there_is_known_in_time(name: str) -> None:
    with answering(TRANSPORT[name]) as site:
        started = time.monotonic()
        reachable(f"{site.url}/")
        assert time.monotonic() - started < SECONDS


def document(change: Callable[[dict[str, Any]], object]) -> Script:
    """A site's wheels.json, changed."""
    published = Published(
        wheels=(make_wheel_record(),), url="https://site.example/", torch_index="https://torch.example/{variant}"
    )
    found = json.loads(write_wheels(published))
    change(found)
    return whole(found)


FILE = make_wheel_record().file
HTTPS = "no https address"
DOCUMENTS: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "a program to run": (lambda d: d["wheels"][0].update(url="https://h.example/x.tar.gz"), HTTPS),
    "another wheel": (lambda d: d["wheels"][0].update(url=f"https://h.example/a-{FILE}"), HTTPS),
    "a name behind a sign": (
        lambda d: d["wheels"][0].update(url=f"https://h.example/x.zip#{FILE}"),
        "no https address",
    ),
    "a name in the query": (lambda d: d["wheels"][0].update(url=f"https://h.example/x.zip?{FILE}"), HTTPS),
    "without https": (lambda d: d["wheels"][0].update(url=f"http://h.example/{FILE}"), HTTPS),
    "a user": (lambda d: d["wheels"][0].update(url=f"https://127.0.0.1@h.example/{FILE}"), HTTPS),
    "a file of this machine": (lambda d: d["wheels"][0].update(url=f"file:///x/{FILE}"), "url"),
    "torch without https": (lambda d: d.update(torch_index="http://h.example/{variant}"), "torch_index"),
    "no list": (lambda d: d.update(wheels=5), "wheels"),
    "a size that is none": (lambda d: d["wheels"][0].update(bytes="many"), "bytes"),
    "a digest that is none": (lambda d: d["wheels"][0].update(sha256="0" * 63), "sha256"),
    "an id that is none": (lambda d: d["wheels"][0].update(id="ds1; rm -rf /"), "id"),
    "another schema": (lambda d: d.update(schema=99), "schema"),
}


@pytest.mark.parametrize(("change", "named"), DOCUMENTS.values(), ids=DOCUMENTS)
def test_a_document_that_lies_is_an_error_that_names_the_field(
    change: Callable[[dict[str, Any]], object], named: str
) -> None:
    with answering(document(change)) as site, pytest.raises(DataError, match=named):
        read_site(f"{site.url}/")


@pytest.mark.parametrize(
    "part",
    ["", "index.html", "wheels.json", "whl/", "whl/cu124/", "whl/cu124/torch2.6/", "whl/cu124/torch2.6/deepspeed/"],
)
def test_a_part_of_a_site_leads_to_the_site(tmp_path: Path, part: str) -> None:
    """pip's line has the address of a channel, a browser that of the page."""
    one = Published(
        wheels=(make_wheel_record(),), url="https://wheels.example/", torch_index="https://torch.example/{variant}"
    )
    (tmp_path / WHEELS).write_text(write_wheels(one), encoding="utf-8")
    (tmp_path / "whl/cu124/torch2.6/deepspeed").mkdir(parents=True)
    assert len(read_site(str(tmp_path / part)).wheels) == 1
    assert root_of(f"https://wheels.example/a/{part}") in ("https://wheels.example/a", "https://wheels.example/a/")


@pytest.mark.parametrize("host", ["wheels.example", "wheels.example/whl/", "127.0.0.1:8000"])
def test_an_address_without_its_scheme_is_asked_about(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=f"is it an address.*--index https://{host}"):
        read_site(host)


def test_a_wheel_of_the_site_itself_is_there_as_the_site_is(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(lambda path: iter(())) as site:
        site.script = document(lambda d: d["wheels"][0].update(url=f"{site.url}/files/{FILE}"))
        assert read_site(f"{site.url}/").wheels[0].file == FILE
