"""No test file of this repository is passed over: a folder's name must not decide what runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import COLLECTED, group_of_file

TESTS = Path(__file__).resolve().parent


def test_every_test_file_is_collected(request: pytest.FixtureRequest) -> None:
    config = request.config
    if config.option.ignore or [Path(config.rootpath, argument).resolve() for argument in config.args] != [TESTS]:
        pytest.skip("only a run of all tests shows it")
    assert config.stash[COLLECTED] == set(TESTS.rglob("test_*.py"))


@pytest.mark.parametrize(
    ("file", "group"),
    [
        ("tests/wine/test_workflow.py", "wine"),
        ("tests/integration/test_end_to_end.py", "real_build"),
        ("tests/integration/test_real_build.py", "real_build"),
        ("tests/ci/test_rehearsal.py", "act"),
        ("tests/ci/test_rules.py", "tests/ci/test_rules.py"),
    ],
)
def test_tests_that_share_what_takes_minutes_to_make_share_a_process(file: str, group: str) -> None:
    assert group_of_file(file) == group
