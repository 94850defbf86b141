"""A time in a document is one in UTC, of a day that there is."""

from __future__ import annotations

import pytest

from scripts.schema.readers import Problems
from scripts.schema.utc_time import is_utc_time, utc_now, utc_time

NONE = [
    "2026-02-30T12:00:00Z",
    "2026-01-31",
    "2026-01-31T12:00:00",
    "2026-01-31T12:00:00+01:00",
    "2026-1-3T2:0:0Z",
    "x",
]


def test_now_is_a_time() -> None:
    assert is_utc_time(utc_now())


@pytest.mark.parametrize("value", [*NONE, "", 5, None, []])
def test_what_is_no_time_is_told_once_with_an_example(value: object) -> None:
    problems = Problems()
    utc_time(value, "w.json: built", problems)
    assert len(problems) == 1
    assert problems[0].startswith("w.json: built: ")


def test_a_time_is_read_as_it_is() -> None:
    problems = Problems()
    assert utc_time("2024-02-29T23:59:59Z", "w.json: built", problems) == "2024-02-29T23:59:59Z"
    assert not problems
