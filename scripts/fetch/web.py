"""`get`: the one place that asks a web server for something."""

from __future__ import annotations

from collections.abc import Mapping

import requests

from scripts.fetch.index_client import verify_bundle

TIMEOUT = (10, 30)  # seconds to connect, to read


def get(
    url: str,
    *,
    stream: bool = False,
    timeout: tuple[float, float] = TIMEOUT,
    headers: Mapping[str, str] | None = None,
) -> requests.Response:
    """The server's answer, whatever its status; raises requests.RequestException when there is none.

    The server's certificate must be one that requests trusts, or pip: what pip trusts is only asked when that matters,
    since asking pip takes half a second.
    """
    try:
        return requests.get(url, stream=stream, timeout=timeout, headers=headers)
    except requests.exceptions.SSLError:
        bundle = verify_bundle()
        if bundle is True:
            raise
        return requests.get(url, stream=stream, timeout=timeout, headers=headers, verify=bundle)
