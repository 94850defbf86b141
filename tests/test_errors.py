"""The error family keeps what its first lines promise."""

from __future__ import annotations

from collections import Counter

from scripts import errors
from scripts.errors import DataError, WheelsError

FAMILY = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, WheelsError)]


def test_every_error_has_an_exit_code_of_its_own() -> None:
    assert len(FAMILY) > 5
    shared = [code for code, count in Counter(kind.exit_code for kind in FAMILY).items() if count > 1]
    assert shared == []


def test_no_exit_code_says_success_or_belongs_to_invoke_and_nox() -> None:
    assert {kind.exit_code for kind in FAMILY} & {0, 1, 2} == set()
    assert all(0 < kind.exit_code < 256 for kind in FAMILY)


def test_a_data_error_shows_every_problem_and_counts_them() -> None:
    error = DataError("matrix.yaml", ["torch[0]: unknown", "cuda: missing"])
    assert str(error).splitlines() == ["matrix.yaml: 2 problems", "  torch[0]: unknown", "  cuda: missing"]
    assert str(DataError("matrix.yaml", ["one"])).startswith("matrix.yaml: 1 problem\n")


def test_every_error_says_what_it_is_for() -> None:
    assert [kind.__name__ for kind in FAMILY if not (kind.__doc__ or "").strip()] == []
