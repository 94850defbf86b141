"""One connection, to a server or to a file of a mirror directory; failures that may pass are kept apart from others."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import requests
from requests.utils import get_environ_proxies, select_proxy

from scripts.errors import PrerequisiteError
from scripts.fetch.index_client import verify_bundle
from scripts.fetch.limits import BeyondLimitsError, limited_session

BLOCK = 1 << 16
TIMEOUT = (10, 30)  # seconds to connect, to read
TRY_AGAIN = {408, 425, 429, 500, 502, 503, 504}
NOT_THERE = {404, 410}


def get(
    url: str,
    *,
    method: str = "GET",
    stream: bool = False,
    timeout: tuple[float, float] | None = None,
    headers: Mapping[str, str] | None = None,
) -> requests.Response:
    """The server's answer, whatever its status; raises requests.RequestException when there is none, or none in time.

    The server's certificate must be one that this system, requests or pip trusts: what pip trusts is only asked when
    that matters, since asking pip takes half a second.
    """

    def ask(verify: str | bool | None) -> requests.Response:
        return limited_session().request(
            method, url, stream=stream, timeout=timeout or TIMEOUT, headers=headers, verify=verify
        )

    try:
        return ask(None)
    except requests.exceptions.SSLError:
        bundle = verify_bundle()
        if bundle is True:
            raise
        return ask(bundle)


class Transient(Exception):
    """Something that may be gone at the next try; `retry_after` is what the server asked for, in seconds."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class NotThereError(PrerequisiteError):
    """The server, or the file system, answers that there is no such file."""


class Stopped(Exception):
    """The one who waits for the file does not any more."""


@dataclass(frozen=True, kw_only=True)
class Transfer:
    """An open transfer: the byte that it begins with, and the bytes from there."""

    url: str
    start: int
    read: Callable[[], Iterator[bytes]]

    def blocks(self, most: int, seconds: float | None = None) -> Iterator[bytes]:
        """The bytes in blocks.

        Raises PrerequisiteError when there are too many, or they take longer than `seconds`, Transient when they end
        early.
        """
        got, started = 0, time.monotonic()
        try:
            for block in self.read():
                got += len(block)
                if got > most:
                    raise PrerequisiteError(
                        f"{self.url}: more than {most} bytes arrive, which is another file than the one meant",
                        id="digest-mismatch",
                    )
                if seconds is not None and time.monotonic() - started > seconds:
                    raise PrerequisiteError(
                        f"{self.url}: it takes longer than {seconds:g} s; try again", id="download-failed"
                    )
                yield block
        except BeyondLimitsError as error:
            raise Transient(str(error)) from None
        except requests.RequestException as error:
            raise Transient(f"the connection broke ({type(error).__name__})") from None


@contextmanager
def open_source(url: str, start: int, *, compressed: bool = False) -> Iterator[Transfer]:
    """A transfer of `url` from byte `start` on, or from 0 where the server ignores the wish.

    `compressed` lets the server send it so, which is no way to count bytes. Raises NotThereError when there is no such
    file, PrerequisiteError when it is not given, and Transient when the next try may fare better.
    """
    if urlsplit(url).scheme == "file":
        with _open_file(Path(url2pathname(urlsplit(url).path)), start) as source:
            yield source
        return
    headers = {} if compressed else {"Accept-Encoding": "identity"}
    headers |= {"Range": f"bytes={start}-"} if start else {}
    try:
        answer = get(url, stream=True, headers=headers)
    except (requests.TooManyRedirects, requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema) as error:
        raise PrerequisiteError(f"{url}: leads nowhere ({type(error).__name__})", id="download-failed") from None
    except BeyondLimitsError as error:
        raise Transient(str(error)) from None
    except requests.RequestException as error:
        raise Transient(f"cannot be reached{_through(url)} ({type(error).__name__})") from None
    with answer:
        yield Transfer(url=url, start=_start(answer, url, start), read=lambda: answer.iter_content(BLOCK))


def _through(url: str) -> str:
    """Through which proxy the address is asked, and that variables, or Windows' settings, name it."""
    proxy = select_proxy(url, get_environ_proxies(url))
    if not proxy:
        return ""
    parts = urlsplit(proxy)
    named = f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname
    return f" through the proxy {named}, which HTTPS_PROXY, HTTP_PROXY or the system's settings name"


def _start(answer: requests.Response, url: str, start: int) -> int:
    """The byte that an answer begins with."""
    if answer.status_code == 206:
        begins = re.match(r"bytes (\d+)-", answer.headers.get("Content-Range", ""))
        if begins and int(begins[1]) == start:
            return start
        raise Transient("the server sent another part than the one that was asked for")
    if answer.status_code == 200:
        return 0
    if answer.status_code in TRY_AGAIN:
        raise Transient(f"HTTP {answer.status_code}", _retry_after(answer.headers.get("Retry-After", "")))
    message = f"{url}: HTTP {answer.status_code}; is the address right, and is it reachable from here?"
    if answer.status_code in NOT_THERE:
        raise NotThereError(message, id="download-not-found")
    raise PrerequisiteError(message, id="download-failed")


def _retry_after(text: str) -> float | None:
    """The seconds that a Retry-After header names, as a number or a date."""
    if text.strip().isdecimal():
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - datetime.now(timezone.utc)).total_seconds())
    except (ValueError, TypeError):
        return None


@contextmanager
def _open_file(path: Path, start: int) -> Iterator[Transfer]:
    try:
        file = path.open("rb")
    except FileNotFoundError as error:
        raise NotThereError(f"{path} cannot be read: {error.strerror}", id="download-not-found") from None
    except OSError as error:
        raise PrerequisiteError(f"{path} cannot be read: {error.strerror}", id="file-not-usable") from None
    with file:
        file.seek(start)
        yield Transfer(url=str(path), start=start, read=lambda: iter(lambda: file.read(BLOCK), b""))
