"""A server that answers as it is told, byte by byte: what a broken proxy, a bored child or an attacker may send."""

from __future__ import annotations

import gzip
import json
import socketserver
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.loopback_server import listening

Parts = Iterator[bytes]
Script = Callable[[str], Parts]  # the path -> what is sent


@dataclass
class Hostile:
    """Where the server is, what it says, and how often it was asked."""

    script: Script
    url: str = ""
    asked: list[str] = field(default_factory=list)


@contextmanager
def answering(script: Script) -> Iterator[Hostile]:
    """A server on loopback that answers every request so."""
    site = Hostile(script=script)
    ended = threading.Event()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            path = self.rfile.readline().decode("latin-1").split(" ")[1]
            while self.rfile.readline().strip():
                pass
            site.asked.append(path)
            try:
                for part in site.script(path):
                    if ended.is_set():
                        return
                    self.wfile.write(part)
            except OSError:
                return

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    server = Server(("127.0.0.1", 0), Handler)
    site.url = f"http://127.0.0.1:{server.server_address[1]}"
    with listening(server):
        try:
            yield site
        finally:
            ended.set()


def whole(body: bytes | str | object, *headers: str, status: str = "200 OK") -> Script:
    """An answer with this body, as JSON unless it is bytes or a text."""
    content = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
    lines = [f"HTTP/1.1 {status}", "Connection: close", f"Content-Length: {len(content)}", *headers]
    return lambda path: iter(["\r\n".join([*lines, "", ""]).encode("latin-1") + content])


def raw(*parts: bytes) -> Script:
    """These very bytes."""
    return lambda path: iter(parts)


def dripping(begin: bytes, drop: bytes, seconds: float = 0.1) -> Script:
    """A drop now and then, for ever."""

    def script(path: str) -> Parts:
        yield begin
        while True:
            time.sleep(seconds)
            yield drop

    return script


def endless(begin: bytes) -> Script:
    """More and more."""

    def script(path: str) -> Parts:
        yield begin
        while True:
            yield b" " * 65536

    return script


def onward(path: str) -> Parts:
    """On to another address each time."""
    yield f"HTTP/1.1 302 Found\r\nLocation: {path}a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()


def redirect(to: str) -> Script:
    """On to this address."""
    return whole("", f"Location: {to}", status="302 Found")


HEAD = b"HTTP/1.1 200 OK\r\nConnection: close\r\n"
BOMB = gzip.compress(b" " * 50_000_000)
TWICE = gzip.compress(gzip.compress(b" " * 50_000_000))
TRANSPORT: dict[str, Script] = {
    "a page of a proxy": whole("<!doctype html><title>Log in</title>", "Content-Type: text/html"),
    "nothing": whole(b""),
    "no content": raw(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"),
    "a gzip bomb": whole(BOMB, "Content-Encoding: gzip"),
    "a bomb in a bomb": whole(TWICE, "Content-Encoding: gzip, gzip"),
    "a deflate bomb": whole(zlib.compress(b" " * 50_000_000), "Content-Encoding: deflate"),
    "gzip that is none": whole(b"no gzip at all", "Content-Encoding: gzip"),
    "gzip that is cut": whole(gzip.compress(b"[]" * 999)[:20], "Content-Encoding: gzip"),
    "a packing nobody knows": whole(b"x", "Content-Encoding: zopfli"),
    "drops": dripping(HEAD + b"\r\n[", b" "),
    "drops of a header": dripping(HEAD + b"X-A: ", b"a"),
    "drops of headers": dripping(HEAD, b"X-A: b\r\n"),
    "silence": dripping(b"", b""),
    "silence after the headers": dripping(HEAD + b"Content-Length: 9\r\n\r\n", b""),
    "no end": endless(HEAD + b"\r\n["),
    "itself again": redirect("/wheels.json"),
    "always on": onward,
    "a file": redirect("file:///etc/passwd"),
    "another scheme": redirect("gopher://127.0.0.1/"),
    "an address that is none": redirect("http://[::1"),
    "a port that is none": redirect("http://127.0.0.1:99999999/"),
    "less than announced": raw(HEAD + b"Content-Length: 99\r\n\r\n[]"),
    "a negative length": raw(HEAD + b"Content-Length: -5\r\n\r\n{}"),
    "chunks that are none": raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n[]\r\n"),
    "no HTTP": raw(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "a status that is none": raw(b"HTTP/1.1 abc\r\n\r\n"),
    "a line without end": raw(HEAD + b"X: " + b"a" * 200_000 + b"\r\n\r\n[]"),
    "a thousand headers": raw(HEAD + b"X: a\r\n" * 1000 + b"\r\n[]"),
    "nests without end": whole(b"[" * 100_000),
    "no text": whole(b"\xff\xfe\x00{"),
    "a number without end": whole(b"9" * 50_000),
}
