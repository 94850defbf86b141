"""`GitHubClient`: GitHub's REST API, patiently: what may be repeated is repeated, both kinds of rate limit are obeyed.

The token goes to the API's own host and to its host for uploads, and to no other; no message holds it.
Rules: docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api and best-practices-for-using-the-rest-api.
"""

from __future__ import annotations

import random
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import requests
from requests.auth import AuthBase
from urllib3.exceptions import InvalidHeader
from urllib3.util import Retry

from scripts.command import Log, no_log
from scripts.errors import InputError, PublishError
from scripts.fetch.limits import BeyondLimitsError, Limits, limited_session
from scripts.fetch.loopback import is_loopback
from scripts.publish.github_answers import SHOWN, document_of

VERSION = "2022-11-28"
OUR_NAME = "deepspeed-wheels"
PASSING = (500, 502, 503, 504)
SECONDARY_SECONDS = 60.0  # to wait at least, when a secondary limit names no time
TIMEOUT = (15, 300)  # seconds to connect, and of silence
MOST_PAGES = 500
DAY = 86400.0
LIMITS = Limits(begins=330.0)


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How often and how long; seconds."""

    attempts: int = 7
    first: float = 1.0  # doubled each time
    most: float = 60.0
    longest: float = 3900.0  # that a rate limit may ask for: a primary one starts anew every hour
    sleep: Callable[[float], None] = time.sleep
    glance: float = 1.0  # a long wait is cut into parts of this length, so that it can be given up

    def pause(self, attempt: int) -> float:
        """Seconds before the next attempt, when nobody named any."""
        return min(self.most, self.first * 2.0**attempt) * random.uniform(0.75, 1.25)


READING = Patience(longest=10.0)  # somebody waits for the answer; who publishes has begun something


@dataclass(frozen=True, kw_only=True)
class Setback:
    """An attempt that may be repeated: why it failed, and the seconds that GitHub asks for."""

    reason: str
    seconds: float | None = None
    limited: bool = False  # it is GitHub's rate limit


class Token(AuthBase):
    """Puts the token into a request; with it, requests looks for no password in a .netrc file."""

    def __init__(self, token: str) -> None:
        self.__token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """The request, signed when there is a token."""
        if self.__token:
            request.headers["Authorization"] = f"Bearer {self.__token}"
        return request


class GitHubClient:
    """One API, with or without a token; every wait is logged."""

    def __init__(self, api: str, token: str = "", patience: Patience = Patience(), log: Log = no_log) -> None:
        if not re.fullmatch(r"[!-~]*", token):
            raise InputError(
                "the token in GITHUB_TOKEN has a blank or a character that no token has; set it again",
                id="token-not-accepted",
            )
        self.api = api.rstrip("/")
        self.patience, self._log = patience, log
        self._origins = (_origin(checked_api(self.api)), _uploads_origin(self.api))
        self._token, self._signed = Token(token), bool(token)
        self._threads = threading.local()

    def json(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:  # noqa: ANN401  any JSON
        """The answer's document; for requests that may be repeated."""
        answer = self.request(method, self.api + path, json=body)
        return document_of(answer) if answer.content else None

    def pages(self, path: str, size: int = 100, *, inside: str = "", **query: str) -> Iterator[Any]:
        """Every entry of a list, over all its pages; `inside` is its key where a document wraps it, as about Actions.

        Raises PublishError for pages without an end.
        """
        url, seen = f"{self.api}{path}?{urlencode({**query, 'per_page': size})}", set[str]()
        while url:
            seen.add(url)
            answer = self.request("GET", url)
            document = document_of(answer)
            found = document.get(inside) if inside and isinstance(document, dict) else document
            if not isinstance(found, list):
                raise PublishError(f"GET {path}: GitHub answered with something else than a list", id="request-refused")
            yield from found
            url = str(answer.links.get("next", {}).get("url") or "")
            if url in seen or len(seen) >= MOST_PAGES:
                raise PublishError(
                    f"GET {path}: the list goes on after {len(seen)} pages, or begins anew", id="request-refused"
                )

    def request(self, method: str, url: str, **options: Any) -> requests.Response:  # noqa: ANN401  as of requests
        """The answer, of the 200 family; for requests that may be repeated. Raises PublishError."""
        for attempt in range(self.patience.attempts):
            answer = self.attempt(method, url, **options)
            if isinstance(answer, requests.Response):
                return answer
            self.wait(answer, attempt)
        raise AssertionError("wait raises after the last attempt")

    def wait(self, setback: Setback, attempt: int, go_on: Callable[[], None] = lambda: None) -> None:
        """Sleep before the next attempt; raises PublishError after the last, or when it would take too long.

        `go_on` is called now and then, and may raise to end the wait.
        """
        if attempt + 1 >= self.patience.attempts:
            raise PublishError(
                f"{setback.reason}, {attempt + 1} times; run the same command again later",
                id="rate-limit" if setback.limited else "github-not-available",
            )
        seconds = self.patience.pause(attempt) if setback.seconds is None else max(0.0, setback.seconds)
        if seconds > self.patience.longest:
            raise PublishError(
                _limit(setback, seconds, signed=self._signed)
                if setback.limited
                else f"{setback.reason}, and asks to wait {seconds:.0f} s; run the same command again then",
                id="rate-limit" if setback.limited else "github-not-available",
            )
        self._log(f"{setback.reason}; waiting {seconds:.0f} s")
        while seconds > 0:
            go_on()
            self.patience.sleep(min(seconds, self.patience.glance))
            seconds -= self.patience.glance

    def attempt(self, method: str, url: str, **options: Any) -> requests.Response | Setback:  # noqa: ANN401  of requests
        """The answer of the 200 family, or a setback after which nobody knows whether GitHub did it.

        Raises PublishError for an answer that will not change, and before anything is sent to another host.
        """
        try:
            what, origin = f"{method} {urlsplit(url).path}", _origin(url)
        except ValueError:
            what, origin = method, url[:SHOWN]
        if origin not in self._origins:
            raise PublishError(
                f"{what}: {origin} is not a host of {self.api}, so the token is not sent there",
                id="connection-not-safe",
            )
        options = {"timeout": TIMEOUT, "allow_redirects": method == "GET", **options}
        try:
            answer = self._session.request(method, url, **options)
        except (requests.exceptions.SSLError, requests.exceptions.InvalidHeader, InvalidHeader) as error:
            raise PublishError(
                f"{what}: no safe connection to GitHub ({type(error).__name__})", id="connection-not-safe"
            ) from None
        except (BeyondLimitsError, requests.TooManyRedirects) as error:
            message = f"{what}: no usable answer ({error}); try again later"
            raise PublishError(message, id="github-not-available") from None
        except requests.RequestException as error:
            return Setback(reason=f"{what}: the connection failed ({type(error).__name__})")
        if answer.ok and not answer.is_redirect:
            return answer
        return _setback(answer, what) or _refuse(answer, what)

    @property
    def _session(self) -> requests.Session:
        """This thread's connections: those of a session are not made for several threads."""
        session: requests.Session | None = getattr(self._threads, "session", None)
        if session is None:
            session = self._threads.session = limited_session(LIMITS)
            session.auth = self._token
            session.headers.update(
                {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": VERSION, "User-Agent": OUR_NAME}
            )
        return session


def _limit(setback: Setback, seconds: float, *, signed: bool) -> str:
    """That the rate limit is reached, until when, and what does not wait for it."""
    soon = seconds < DAY  # GitHub's own are; a time beyond any calendar cannot be written down
    until = time.strftime("%H:%M:%S UTC", time.gmtime(time.time() + seconds)) if soon else "a later day"
    ways = [f"run the same command again at {until}, in {seconds:.0f} s"]
    if not signed:
        ways.append("or set GITHUB_TOKEN or GH_TOKEN: with a token GitHub answers 5000 requests an hour instead of 60")
    ways.append("'invoke find' and 'invoke install' take the wheels of a site, without asking GitHub, with --index")
    return "; ".join([setback.reason, *ways])


def _setback(answer: requests.Response, what: str) -> Setback | None:
    """The setback that an answer means; None when asking again would not change it."""
    asked = _retry_after(answer)
    if answer.status_code in PASSING:
        return Setback(reason=f"{what}: GitHub answered {answer.status_code}", seconds=asked)
    if answer.status_code not in (403, 429):
        return None
    if asked is not None:
        return Setback(reason=f"{what}: GitHub's rate limit is reached", seconds=asked, limited=True)
    if answer.headers.get("x-ratelimit-remaining") == "0":
        reset = answer.headers.get("x-ratelimit-reset", "")
        until = (float(reset) if reset.isdecimal() else 0.0) - time.time()
        return Setback(
            reason=f"{what}: the hour's requests to GitHub are used up", seconds=max(1.0, until), limited=True
        )
    if answer.status_code == 429 or "rate limit" in _message(answer).lower():
        return Setback(
            reason=f"{what}: GitHub's secondary rate limit is reached", seconds=SECONDARY_SECONDS, limited=True
        )
    return None


def _retry_after(answer: requests.Response) -> float | None:
    value = answer.headers.get("retry-after")
    try:
        return None if value is None else Retry().parse_retry_after(value)
    except (InvalidHeader, ValueError, OverflowError):
        return None


def _refuse(answer: requests.Response, what: str) -> Setback:
    """Raise PublishError with GitHub's message and what to do."""
    hints = {
        401: "the token in GITHUB_TOKEN is not valid; set another",
        403: "the token in GITHUB_TOKEN may not do this; it needs `contents: write` of the repository",
        404: "it does not exist, or the token may not see it; check OWNER/REPO",
    }
    hint = hints.get(answer.status_code, "nothing was replaced; look at the release")
    if answer.is_redirect:
        hint = "the repository has moved; give its new name"
    message = f"{what}: GitHub answered {answer.status_code}: {_message(answer)}; {hint}"
    if answer.status_code in (401, 403):
        raise Refusal(message, answer, id="token-not-accepted")
    if answer.status_code == 404 or answer.is_redirect:
        raise Refusal(message, answer, id="repository-not-found")
    raise Refusal(message, answer, id="request-refused")


class Refusal(PublishError):
    """An answer that will not change by asking again."""

    def __init__(self, message: str, answer: requests.Response, *, id: str) -> None:
        super().__init__(message, id=id)
        self.status = answer.status_code
        self.codes = tuple(str(error.get("code")) for error in _errors(answer))


def _document(answer: requests.Response) -> Mapping[str, Any]:
    try:
        found = answer.json()
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _errors(answer: requests.Response) -> list[Mapping[str, Any]]:
    found = _document(answer).get("errors")
    return [error for error in found if isinstance(error, dict)] if isinstance(found, list) else []


def _message(answer: requests.Response) -> str:
    codes = [f"{error.get('field')} {error.get('code')}"[:SHOWN] for error in _errors(answer)[:5]]
    return ", ".join([str(_document(answer).get("message", answer.reason))[:SHOWN], *codes])


def checked_api(api: str) -> str:
    """The address itself; raises InputError for one that a token must not be sent to."""
    parts = urlsplit(api)
    if parts.hostname and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(api))):
        return api
    raise InputError(
        f"GITHUB_API_URL {api!r}: give an https address, such as https://api.github.com", id="value-not-accepted"
    )


def _uploads_origin(api: str) -> str:
    """`https://uploads.github.com` of `https://api.github.com`; a server of one's own takes uploads itself."""
    scheme, _, host = _origin(api).partition("://")
    return f"{scheme}://uploads.{host.removeprefix('api.')}" if host.startswith("api.") else _origin(api)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port not in (None, {"https": 443, "http": 80}.get(parts.scheme)) else ""
    return f"{parts.scheme}://{parts.hostname}{port}"
