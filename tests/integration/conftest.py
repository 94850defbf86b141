"""One real wheel for all tests that need one: building it takes minutes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.shop import Shop


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A place to build in, its caches empty at first."""
    return Shop(tmp_path_factory.mktemp("shop"))


@pytest.fixture(scope="session")
def host_build(shop: Shop) -> dict[str, Any]:
    """The result of `invoke build` without a word: the wheel for this very host."""
    return shop.build()
