"""Nothing that the person's own client is told is remembered from one test to the next, and no workflow is noticed."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from scripts.fetch.index_client import pip_settings
from scripts.wheel_build.build_environment import reachable

WORKFLOW = ("SELECT_", "SITE", "QUEUE", "ALLOW_SHRINK")  # variables that only a workflow sets


@pytest.fixture(autouse=True)
def fresh_client() -> Iterator[None]:
    pip_settings.cache_clear()
    reachable.cache_clear()
    yield
    pip_settings.cache_clear()
    reachable.cache_clear()


@pytest.fixture(autouse=True)
def no_workflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that runs in GitHub Actions finds what it finds at home."""
    for name in os.environ:
        if name.startswith(("GITHUB_", *(f"DEEPSPEED_WHEELS_{kind}" for kind in WORKFLOW))):
            monkeypatch.delenv(name)
