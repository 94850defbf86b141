"""Whether requests and answers are as GitHub's own OpenAPI description has them; see NOTICE for where it is from."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

DESCRIPTION = Path(__file__).with_name("openapi.json")
# GitHub answers these where its description lists no more than the good case; they must at least look like its errors
UNLISTED = (401, 404, 422)


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """One request and its answer."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    status: int
    answer: bytes
    kind: str  # the answer's content type

    @property
    def host(self) -> str:
        """Whose operation it is: uploads have a host of their own in the description."""
        return "https://uploads.github.com" if self.is_upload else "https://api.github.com"

    @property
    def is_upload(self) -> bool:
        """Whether an asset's content is sent."""
        return self.method == "POST" and self.path.endswith("/assets")

    @property
    def content_type(self) -> str:
        """The request's; an upload may name any, as the description says in words, and lists only one."""
        return "application/octet-stream" if self.is_upload else self.headers.get("Content-Type", "application/json")


class Contract:
    """The description, loaded; a check takes about ten milliseconds."""

    def __init__(self) -> None:
        from openapi_core import OpenAPI  # not there on Windows: the stand-in then goes unchecked

        self._api = OpenAPI.from_dict(json.loads(DESCRIPTION.read_text(encoding="utf-8")))
        self._lock = threading.Lock()

    def faults_of_request(self, exchange: Exchange) -> list[str]:
        """What is wrong with a request; empty when it is as described."""
        return self._faults(exchange, answer=False)

    def faults_of_answer(self, exchange: Exchange) -> list[str]:
        """What is wrong with the answer."""
        return self._faults(exchange, answer=True)

    def _faults(self, exchange: Exchange, *, answer: bool) -> list[str]:
        from openapi_core.exceptions import OpenAPIError
        from openapi_core.templating.paths.exceptions import PathError
        from openapi_core.templating.responses.exceptions import ResponseNotFound
        from openapi_core.testing import MockRequest, MockResponse

        request = MockRequest(
            exchange.host,
            exchange.method.lower(),
            exchange.path,
            args=dict(parse_qsl(exchange.query)),
            headers=dict(exchange.headers),
            data=exchange.body or None,
            content_type=exchange.content_type,
        )
        try:
            with self._lock:
                if answer:
                    self._api.validate_response(
                        request, MockResponse(_listed(exchange), exchange.status, content_type=exchange.kind)
                    )
                else:
                    self._api.validate_request(request)
        except (ResponseNotFound, PathError) as error:
            if not answer:
                return [f"{exchange.method} {exchange.path}: {error!r}"]
            return [] if exchange.status in UNLISTED and _is_error(exchange.answer) else [f"{exchange.status} unlisted"]
        except OpenAPIError as error:
            return [f"{exchange.method} {exchange.path}: {error!r} {error.__cause__!r}"[:2000]]
        return []


@cache
def load_contract() -> Contract:
    """The contract, loaded once."""
    return Contract()


def _listed(exchange: Exchange) -> bytes:
    """The answer; a `starter` asset is read as `open`, since the description names only that state in its list."""
    return exchange.answer.replace(b'"state": "starter"', b'"state": "open"')


def _is_error(answer: bytes) -> bool:
    document: dict[str, Any] = json.loads(answer)
    return {"message", "documentation_url"} <= set(document)
