"""Times as documents state them: in UTC, to the second, `2026-01-31T12:00:00Z`."""

from __future__ import annotations

import re
from datetime import datetime, timezone

from scripts.schema.readers import Problems, text

FORM = "%Y-%m-%dT%H:%M:%SZ"
SHAPE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")


def utc_now() -> str:
    """This second."""
    return datetime.now(timezone.utc).strftime(FORM)


def is_utc_time(value: str) -> bool:
    """Whether the text is such a time, of a day that there is."""
    try:
        return bool(SHAPE.fullmatch(value) and datetime.strptime(value, FORM))
    except ValueError:
        return False


def utc_time(value: object, where: str, problems: Problems) -> str:
    """A reader of such a time."""
    found = text(value, where, problems)
    if (found or isinstance(value, str)) and not is_utc_time(found):
        problems.add(where, f"{found!r} is not a time in UTC; write one such as 2026-01-31T12:00:00Z")
    return found
