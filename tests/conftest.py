"""Nothing that the person's own client is told is remembered from one test to the next."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from scripts.build.environment import reachable
from scripts.fetch.index_client import pip_settings


@pytest.fixture(autouse=True)
def fresh_client() -> Iterator[None]:
    pip_settings.cache_clear()
    reachable.cache_clear()
    yield
    pip_settings.cache_clear()
    reachable.cache_clear()
