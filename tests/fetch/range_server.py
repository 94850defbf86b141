"""A loopback server of large files that obeys Range, and misbehaves when it is told to."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.loopback_server import listening


@dataclass
class Fault:
    """What goes wrong with one answer: the bytes after which it breaks off, or a status instead of the file."""

    sent: int | None = None
    status: int | None = None
    retry_after: str | None = None
    body: bytes | None = None  # another content than the file's
    hold: bool = False  # send what `sent` says, then nothing more, and keep the connection


@dataclass
class FileServer:
    """The files by path, the faults still to come by path, and what was asked and sent."""

    files: dict[str, bytes]
    ranges: bool = True
    types: Mapping[str, str] = field(default_factory=dict)  # Content-Type by path
    faults: dict[str, list[Fault]] = field(default_factory=dict)
    url: str = ""
    asked: list[tuple[str, str]] = field(default_factory=list)  # path, Range
    sent: int = 0
    released: threading.Event = field(default_factory=threading.Event)


@contextmanager
def serving_files(
    files: Mapping[str, bytes], *, ranges: bool = True, types: Mapping[str, str] | None = None
) -> Iterator[FileServer]:
    """A real HTTP server on loopback with these files."""
    site = FileServer(files=dict(files), ranges=ranges, types=types or {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(site))
    server.daemon_threads = True
    site.url = f"http://127.0.0.1:{server.server_address[1]}"
    with listening(server):
        try:
            yield site
        finally:
            site.released.set()


def _handler(site: FileServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wish = self.headers.get("Range", "")
            site.asked.append((self.path, wish))
            faults = site.faults.get(self.path, [])
            fault = faults.pop(0) if faults else Fault()
            whole = site.files.get(self.path)
            if fault.status or whole is None:
                self._answer(
                    fault.status or 404, b"no", {"Retry-After": fault.retry_after} if fault.retry_after else {}
                )
                return
            whole = whole if fault.body is None else fault.body
            begin = re.fullmatch(r"bytes=(\d+)-", wish)
            if begin and site.ranges:
                start = int(begin[1])
                headers = {"Content-Range": f"bytes {start}-{len(whole) - 1}/{len(whole)}"}
                self._answer(206, whole[start:], headers, fault)
            else:
                self._answer(200, whole, {}, fault)

        def _answer(self, status: int, body: bytes, headers: Mapping[str, str], fault: Fault | None = None) -> None:
            self.send_response(status)
            kind = {"Content-Type": site.types[self.path]} if self.path in site.types else {}
            for name, value in {"Content-Length": str(len(body)), **kind, **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            part = body[: fault.sent] if fault else body
            self.wfile.write(part)
            self.wfile.flush()
            site.sent += len(part)
            if fault and fault.hold:
                site.released.wait(20)
            self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            """Keep the test output quiet."""

    return Handler
