"""`limited_session`: a session of requests whose answers begin and end in time, and are no larger than they may be.

A socket's own time limit is none: it begins anew with every byte. And a small answer may unpack to a large one.
"""

from __future__ import annotations

import queue
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import requests
import truststore
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

from scripts.fetch.loopback import is_loopback
from scripts.outgoing import redacted

BLOCK = 1 << 16
MOST_REDIRECTS = 10
ENCODINGS = {"", "identity", "gzip", "deflate"}  # one of them; several at once unpack without a bound


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What an answer may take."""

    begins: float = 150.0  # seconds until its headers are there
    ends: float = 900.0  # seconds until all of it is there, of one that is taken whole
    most: int = 64_000_000  # bytes that it unpacks to, of one that is taken whole
    patience: float = 60.0  # seconds before its speed counts
    slowest: float = 1000.0  # bytes a second


LIMITS = Limits()


class BeyondLimitsError(requests.RequestException):
    """An answer that takes more than it may; the message says what of it."""


def limited_session(limits: Limits | None = None) -> requests.Session:
    """A session in which every answer keeps within the limits; what does not raises BeyondLimitsError."""
    session = LimitedSession()
    session.max_redirects = MOST_REDIRECTS
    for scheme in ("https://", "http://"):
        session.mount(scheme, LimitedAdapter(limits or LIMITS))
    return session


class LimitedSession(requests.Session):
    """A session whose own certificates count before those of the variables, which requests has the other way round."""

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # noqa: ANN401  as of requests
        """The answer; an address that is none, such as a server may send one on to, is an error of requests' family."""
        try:
            return super().send(request, **options)
        except requests.RequestException:
            raise
        except ValueError as error:
            raise requests.exceptions.InvalidURL(f"no address: {error}") from None

    def merge_environment_settings(self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any) -> Any:  # noqa: ANN401  as of requests
        """What holds for one request."""
        settings = super().merge_environment_settings(url, proxies, stream, verify, cert)
        return {**settings, "verify": self.verify} if verify is None and isinstance(self.verify, str) else settings


class LimitedAdapter(HTTPAdapter):
    """What a session sends its requests with."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        super().__init__()

    def init_poolmanager(self, *sizes: Any, **options: Any) -> None:  # noqa: ANN401  as of requests
        """Connections of this adapter."""
        super().init_poolmanager(*sizes, **options, ssl_context=system_trust())

    def proxy_manager_for(self, proxy: Any, **options: Any) -> Any:  # noqa: ANN401  as of requests
        """The same through a proxy."""
        return super().proxy_manager_for(proxy, **options, ssl_context=system_trust())

    def send(self, request: requests.PreparedRequest, stream: bool = False, **options: Any) -> requests.Response:  # type: ignore[override]  # noqa: ANN401  as of requests
        """The answer; read already, unless it is a stream."""
        sending = super().send
        begins = None if request.body else self.limits.begins  # what is sent takes as long as it does
        answer = within(begins, lambda: sending(request, stream=True, **options))
        _require_modest(request, answer)
        limits = self.limits
        if stream:
            answer.iter_content = lambda *_, **__: _blocks(answer, limits)  # type: ignore[method-assign]
        else:
            blocks = _blocks(answer, limits, most=limits.most, ends=limits.ends)
            answer._content, answer._content_consumed = b"".join(blocks), True  # type: ignore[attr-defined]
        return answer


def system_trust() -> ssl.SSLContext:
    """Trusts whom this system trusts, a company's own authorities too; requests adds the bundle that it brings."""
    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def within(seconds: float | None, ask: Callable[[], requests.Response]) -> requests.Response:
    """What is returned or raised by `ask`; raises BeyondLimitsError when it takes longer, and leaves it to itself."""
    left = threading.Event()
    found: queue.SimpleQueue[tuple[list[requests.Response], BaseException | None]] = queue.SimpleQueue()

    def work() -> None:
        try:
            answer = ask()
            found.put(([answer], None))
            if left.is_set():
                answer.close()
        except BaseException as error:  # noqa: BLE001  raised in the thread that waits
            found.put(([], error))

    if seconds is None:
        return ask()
    threading.Thread(target=work, daemon=True).start()
    try:
        answers, error = found.get(timeout=seconds)
    except queue.Empty:
        left.set()
        raise BeyondLimitsError(f"no answer began within {seconds:g} s") from None
    if error:
        raise error
    return answers[0]


def _require_modest(request: requests.PreparedRequest, answer: requests.Response) -> None:
    encoding = answer.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in ENCODINGS:
        answer.close()
        raise BeyondLimitsError(f"the answer is packed as {encoding[:40]!r}, which nobody asked for")
    asked = request.url or ""
    to = urljoin(asked, answer.headers.get("Location", ""))
    if answer.is_redirect and asked.startswith("https:") and not (to.startswith("https:") or is_loopback(to)):
        answer.close()
        raise BeyondLimitsError("an https address is sent on to one without")


def _blocks(
    answer: requests.Response, limits: Limits, *, most: int | None = None, ends: float | None = None
) -> Iterator[bytes]:
    """The content as it comes, each part at once: waiting for a whole block would be waiting for ever."""
    got, started = 0, time.monotonic()
    try:
        while block := answer.raw.read1(BLOCK, decode_content=True):
            got += len(block)
            seconds = time.monotonic() - started
            if most is not None and got > most:
                raise BeyondLimitsError(f"more than {most} bytes arrive")
            if ends is not None and seconds > ends:
                raise BeyondLimitsError(f"the answer did not end within {ends:g} s")
            if seconds > limits.patience and got < seconds * limits.slowest:
                raise BeyondLimitsError(f"only {got} bytes came in {seconds:.0f} s")
            yield block
        if answer.raw.length_remaining:
            raise requests.ConnectionError(f"the connection ended {answer.raw.length_remaining} bytes early")
    except (HTTPError, OSError) as error:
        if isinstance(error, requests.RequestException):
            raise
        raise requests.ConnectionError(f"the connection broke ({type(error).__name__})") from error
    finally:
        answer.close()


def save(answer: requests.Response, path: Path, most: int) -> None:
    """Write a streamed answer to `path`; raises requests.RequestException when it is cut short or over `most` bytes."""
    answer.raise_for_status()
    url = redacted(answer.url)
    with path.open("wb") as file:
        for block in answer.iter_content(BLOCK):
            file.write(block)
            if file.tell() > most:
                raise requests.ConnectionError(f"{url}: more than {most} bytes come")
    announced = answer.headers.get("Content-Length", "")
    if announced.isdecimal() and answer.raw.tell() != int(announced):
        raise requests.ConnectionError(f"{url}: {answer.raw.tell()} bytes came of {announced}")
