"""One place asks web servers, with the certificates that the user's machine trusts."""

from __future__ import annotations

import pytest
import requests

from scripts.fetch import transfer
from scripts.fetch.transfer import get
from tests.fetch.range_server import serving_files


class Server:
    """A server behind a proxy of the company, whose certificate only pip was told."""

    def __init__(self) -> None:
        self.asked: list[object] = []

    def request(self, method: str, url: str, *, verify: str | bool | None, **options: object) -> str:
        self.asked.append(verify)
        if verify is None:
            raise requests.exceptions.SSLError("self-signed certificate in certificate chain")
        return "answer"


def test_a_certificate_that_only_pip_trusts_is_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server()
    monkeypatch.setattr(transfer, "limited_session", lambda: server)
    monkeypatch.setattr(transfer, "verify_bundle", lambda: "/company.pem")
    assert str(get("https://example.org/")) == "answer"
    assert server.asked == [None, "/company.pem"]


def test_a_certificate_that_nobody_trusts_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "limited_session", Server)
    monkeypatch.setattr(transfer, "verify_bundle", lambda: True)
    with pytest.raises(requests.exceptions.SSLError):
        get("https://example.org/")


def test_pip_is_not_asked_where_nothing_depends_on_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "verify_bundle", lambda: pytest.fail("pip was asked"))
    with serving_files({"/a.bin": b"content"}) as site:
        assert get(f"{site.url}/a.bin").content == b"content"
