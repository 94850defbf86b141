"""`invoke test` is the gate, with `--all` everything, with `--fast` what takes a minute."""

from __future__ import annotations

import os

from scripts.commands.testing import lines_to_run, pytest_words

CORES = os.cpu_count() or 1


def words(*, fast: bool = False, nightly: bool = False, only: str = "", match: str = "") -> tuple[str, ...]:
    return pytest_words(fast=fast, nightly=nightly, only=only, match=match)


def test_the_gate_leaves_out_what_is_nightly() -> None:
    assert words() == ("-m", "not nightly", "-n", str(CORES + 2))


def test_all_is_everything() -> None:
    assert words(nightly=True) == ("-n", str(CORES + 2))


def test_with_every_test_it_is_measured_what_they_see() -> None:
    lines = lines_to_run(fast=False, nightly=True, only="", match="")
    assert [line[:2] for line in lines] == [("coverage", word) for word in ("erase", "run", "combine", "report")]
    assert lines_to_run(fast=False, nightly=False, only="", match="") == (("pytest", *words()),)


def test_fast_leaves_out_what_takes_minutes() -> None:
    expression = "not real_build and not wine and not act and not portability and not nightly"
    assert words(fast=True) == ("-m", expression, "-n", str(CORES))


def test_a_part_runs_in_one_process() -> None:
    assert words(only="wine", nightly=True) == ("-m", "wine")
    assert words(match="manifest") == ("-m", "not nightly", "-k", "manifest")
