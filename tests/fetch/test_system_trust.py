"""A server whose authority this system alone knows, as behind a company's proxy, is trusted, and no other."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests

from scripts.fetch.limits import limited_session
from scripts.index.one_file import NAME, one_file
from scripts.wheel.documents import write_wheels
from scripts.wheel.published import Published
from tests.loopback_server import listening

OPENSSL = shutil.which("openssl") or ""
pytestmark = pytest.mark.skipif(
    not OPENSSL or sys.platform == "win32", reason="certificates are made with openssl, and trusted by its variable"
)
NOTHING = Published(wheels=(), url="https://127.0.0.1/", torch_index="https://torch.example/{variant}")
SITE = write_wheels(NOTHING).encode()


@dataclass(frozen=True, kw_only=True)
class Company:
    """An https server of this machine, and the certificate of the authority that signed its own."""

    url: str
    authority: Path


class Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(SITE)))
        self.end_headers()
        self.wfile.write(SITE)

    def log_message(self, format: str, *args: object) -> None:
        """Keep the test output quiet."""


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    folder = tmp_path_factory.mktemp("authority")
    make_certificates(folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    with listening(server):
        yield Company(url=f"https://127.0.0.1:{server.server_address[1]}/", authority=folder / "authority.pem")


def make_certificates(folder: Path) -> None:
    def openssl(*words: str) -> None:
        subprocess.run([OPENSSL, *words], cwd=folder, check=True, capture_output=True)

    new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    usage = ("-addext", "keyUsage=critical,keyCertSign,cRLSign")
    openssl(
        "req", "-x509", *new, "-days", "2", "-subj", "/CN=company", "-keyout", "a.key", "-out", "authority.pem", *usage
    )
    openssl("req", *new, "-subj", "/CN=127.0.0.1", "-keyout", "server.key", "-out", "server.csr")
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1\nauthorityKeyIdentifier=keyid\n")
    signing = ("-CA", "authority.pem", "-CAkey", "a.key", "-CAcreateserial", "-extfile", "names", "-days", "2")
    openssl("x509", "-req", "-in", "server.csr", "-out", "server.pem", *signing)


def test_an_authority_of_this_system_is_trusted(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(company.authority))
    assert limited_session().get(company.url, timeout=10).content == SITE


def test_an_authority_that_nobody_knows_is_refused(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    with pytest.raises(requests.exceptions.SSLError):
        limited_session().get(company.url, timeout=10)


def test_a_certificate_for_another_name_is_refused(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(company.authority))
    with pytest.raises(requests.exceptions.SSLError):
        limited_session().get(company.url.replace("127.0.0.1", "localhost"), timeout=10)


@pytest.mark.parametrize("known", [True, False])
def test_the_one_file_asks_the_site_behind_the_proxy(
    company: Company, known: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DEEPSPEED_WHEELS_SITE", raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", str(company.authority) if known else "")
    (tmp_path / NAME).write_bytes(one_file(company.url))
    told = subprocess.run(
        [sys.executable, "-s", NAME, "find"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ("no wheels are offered" in told.stderr) is known, told.stderr
    assert ("SSLError" in told.stderr) is not known
