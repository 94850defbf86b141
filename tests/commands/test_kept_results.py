"""What is known of several builds is beside their logs at any moment, however the rest is cut off."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.ci.results import Result, failure, read_results
from scripts.commands.kept_results import KeptResults
from scripts.errors import CompileError, PrerequisiteError
from scripts.wheel_build.build_options import BuildOptions
from scripts.wheel_build.replay import replay_path
from tests.plan.factories import make_target

FIRST, SECOND, THIRD = (make_target(python=python) for python in ("3.11", "3.12", "3.13"))


def states(logs: Path) -> dict[str, str]:
    return {result.target: result.state for result in read_results(logs, pytest.fail)}


def test_a_job_that_is_cut_off_leaves_what_ended_and_what_was_not_begun(tmp_path: Path) -> None:
    kept = KeptResults(logs=tmp_path, options=BuildOptions())
    kept.begin([FIRST, SECOND, THIRD])
    assert states(tmp_path) == {SECOND.id: "queued", THIRD.id: "queued"}
    kept.ended(Result(target=FIRST.id, exit_code=0, wheel="w.whl", message=None))
    kept.begin_next(SECOND)
    assert states(tmp_path) == {FIRST.id: "built", THIRD.id: "queued"}, "nobody knows how the second will end"
    kept.ended(failure(SECOND, CompileError("a.cpp: error: no")))
    kept.begin_next(THIRD)
    assert states(tmp_path) == {FIRST.id: "built", SECOND.id: "failed"}


def test_what_was_begun_leaves_what_repeats_it_and_what_was_not_nothing(tmp_path: Path) -> None:
    kept = KeptResults(logs=tmp_path, options=BuildOptions(ops=("cpu_adam",)))
    kept.begin([FIRST, SECOND])
    kept.ended(failure(FIRST, CompileError("a.cpp: error: no")))
    assert replay_path(tmp_path, FIRST.id, ("cpu_adam",)).is_file()
    assert not replay_path(tmp_path, SECOND.id, ("cpu_adam",)).exists()
    assert {result.ops for result in read_results(tmp_path, pytest.fail)} == {"cpu_adam"}


def test_what_stands_against_all_is_the_result_of_each_and_raised(tmp_path: Path) -> None:
    kept = KeptResults(logs=tmp_path, options=BuildOptions())
    with pytest.raises(PrerequisiteError, match="no room"), kept.as_failures([FIRST, SECOND]):
        raise PrerequisiteError("no room", id="disk-full")
    assert states(tmp_path) == {FIRST.id: "failed", SECOND.id: "failed"}
