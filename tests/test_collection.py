"""No test file of this repository is passed over: a folder's name must not decide what runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import COLLECTED

TESTS = Path(__file__).resolve().parent


def test_every_test_file_is_collected(request: pytest.FixtureRequest) -> None:
    config = request.config
    if config.option.ignore or [Path(config.rootpath, argument).resolve() for argument in config.args] != [TESTS]:
        pytest.skip("only a run of all tests shows it")
    assert config.stash[COLLECTED] == set(TESTS.rglob("test_*.py"))
