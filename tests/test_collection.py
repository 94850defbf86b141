"""No test file of this repository is passed over: a folder's name must not decide what runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import COLLECTED

TESTS = Path(__file__).resolve().parent


def test_every_test_file_is_collected(request: pytest.FixtureRequest) -> None:
    if [Path(request.config.rootpath, argument).resolve() for argument in request.config.args] != [TESTS]:
        pytest.skip("only a run of all tests shows it")
    assert request.config.stash[COLLECTED] == set(TESTS.rglob("test_*.py"))
