"""Which addresses are of this machine: nobody listens on the way there, so they need no https."""

from __future__ import annotations

from urllib.parse import urlsplit

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def is_loopback(url: str) -> bool:
    """Whether the address is one of this machine."""
    return urlsplit(url).hostname in LOOPBACK
