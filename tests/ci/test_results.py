"""How builds ended: beside the log, for the page, in the summary."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from scripts.ci.results import (
    NOT_READY,
    Result,
    builds_document,
    lost_results,
    queued_results,
    read_results,
    write_results,
)
from scripts.ci.summary import markdown, rows, run_annotations, sentence
from scripts.diagnose.named_cause import NamedCause
from scripts.errors import CompileError, InterruptedBuildError, PrerequisiteError
from scripts.index.page.states import Build, read_builds
from tests.plan.factories import make_target
from tests.wheel.wheelhouse import wheel_file

RUN = "https://github.com/someone/wheels/actions/runs/7"
BUILT, STOPPED, FAILED = (make_target(python=version) for version in ("3.10", "3.11", "3.12"))


def results() -> tuple[Result, ...]:
    return (
        Result(target=BUILT.id, exit_code=0, wheel="somewhere", message=None),
        Result(target=STOPPED.id, exit_code=InterruptedBuildError.exit_code, wheel=None, message="the time is over"),
        Result(target=FAILED.id, exit_code=CompileError.exit_code, wheel=None, message="- a.cpp: error: `x`\n" * 40),
    )


def test_a_result_names_its_error_and_the_cause_wherever_it_is_told(tmp_path: Path) -> None:
    cause = NamedCause(
        cause="disk-full", line="No space ``` left", where="its error", explanation="Full.", remedy="Free."
    )
    failed = replace(results()[2], message="it broke", error="compile-failed", diagnosis=cause)
    write_results(tmp_path, [failed])
    [found] = rows(read_results(tmp_path, pytest.fail), tmp_path)
    assert found.result == failed
    told = "it broke\ndiagnosis: disk-full (its error)\n  No space ``` left\n  why: Full.\n  do: Free."
    assert f"````\n{told}\n````" in markdown([found])
    [line] = run_annotations([found])
    assert line.endswith(f"::{told}\n{found.repeat}".replace("\n", "%0A"))


def wheelhouse(folder: Path) -> Path:
    manifest = folder / BUILT.folder / f"{wheel_file(BUILT)}.json"
    manifest.parent.mkdir(parents=True)
    manifest.with_suffix("").touch()
    manifest.write_text(json.dumps({"seconds": {"total": 90}, "ops": {"a": {}, "b": {}}, "cache_hits": 1}))
    return folder


def test_results_are_read_as_they_were_written(tmp_path: Path) -> None:
    write_results(tmp_path / "logs", results())
    assert read_results(tmp_path / "logs", pytest.fail) == results()
    assert read_results(tmp_path / "elsewhere", pytest.fail) == ()


def test_a_build_of_some_ops_leaves_the_result_of_the_full_one_as_it_is(tmp_path: Path) -> None:
    full = Result(target=BUILT.id, exit_code=0, wheel="w.whl", message=None)
    part = Result(target=BUILT.id, exit_code=130, wheel=None, message="stopped", ops="async_io,cpu_adam")
    write_results(tmp_path, [full])
    write_results(tmp_path, [part])
    found = read_results(tmp_path, pytest.fail)
    assert set(found) == {full, part}
    assert builds_document(found, {}, {BUILT.id}, None) == {}
    assert next(row.repeat for row in rows(found, tmp_path)).endswith(" --ops async_io,cpu_adam")
    assert [result.target for result in lost_results([BUILT.id], [part])] == [BUILT.id]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("{", "JSON.*delete the file or build its target again"),
        ("{}", "target"),
        ('{"target": "x", "exit_code": 0}', "'x' is not a target id"),
    ],
)
def test_a_result_that_cannot_be_read_is_told_and_passed_over(tmp_path: Path, content: str, fault: str) -> None:
    (tmp_path / "a.result.json").write_text(content)
    write_results(tmp_path, results())
    told: list[str] = []
    assert read_results(tmp_path, told.append) == results(), "the others are read all the same"
    assert re.search(fault, "\n".join(told), re.S)


def test_the_page_reads_the_states_of_targets_without_a_wheel() -> None:
    before = {
        BUILT.id: Build(state="failed", message="last time"),
        "ds0.19.8-torch2.6.0-cpu-cp310-linux_x86_64": Build(state="failed", message="not tried again", url=RUN),
    }
    planned = {BUILT.id, STOPPED.id, FAILED.id, *before}
    document = json.dumps(builds_document(results(), before, planned, RUN))
    builds = read_builds(document, "builds.json")
    assert {name: build.state for name, build in builds.items()} == {
        STOPPED.id: "building",
        FAILED.id: "failed",
        "ds0.19.8-torch2.6.0-cpu-cp310-linux_x86_64": "failed",
    }
    assert builds[FAILED.id].url == RUN
    assert len(builds[FAILED.id].message.splitlines()) == 12


def test_a_target_that_left_the_plan_has_no_state_any_more() -> None:
    before = {make_target(torch="2.12.0").id: Build(state="failed"), BUILT.id: Build(state="building")}
    assert set(builds_document((), before, {BUILT.id, FAILED.id}, RUN)) == {BUILT.id}
    assert set(builds_document(results(), before, {BUILT.id, FAILED.id}, RUN)) == {FAILED.id}


def test_what_was_not_begun_keeps_the_state_that_it_had_and_is_no_news(tmp_path: Path) -> None:
    waiting = replace(results()[1], begun=False)
    write_results(tmp_path, [waiting])
    [found] = read_results(tmp_path, pytest.fail)
    assert (found, found.state) == (waiting, "queued")
    assert builds_document([found], {}, {STOPPED.id}, RUN) == {}
    before = {STOPPED.id: Build(state="building", message="before")}
    assert builds_document([found], before, {STOPPED.id}, RUN)[STOPPED.id]["message"] == "before"
    shown = rows([*results(), found], tmp_path)
    assert sentence(shown) == "1 built, 1 building, 1 queued, 1 failed"
    assert len(run_annotations(shown)) == 2
    assert "| not begun, comes in the next run |" in markdown(shown)
    assert lost_results([STOPPED.id], [found]) == ()


def test_a_job_that_left_no_result_has_failed() -> None:
    queued = (BUILT.id, STOPPED.id, FAILED.id)
    assert lost_results(queued, results()) == ()
    [lost] = lost_results(queued, results()[:2])
    assert (lost.target, lost.state) == (FAILED.id, "failed")
    assert "left no result" in lost.first_lines


def test_the_summary_begins_with_what_failed_and_says_how_to_repeat_it(tmp_path: Path) -> None:
    found = rows(results(), wheelhouse(tmp_path))
    text = markdown(found)
    assert sentence(found) == "1 built, 1 building, 1 failed"
    assert text.index(FAILED.id) < text.index(STOPPED.id) < text.index(BUILT.id)
    assert f"| `{BUILT.id}` | built | 1.5 | 1 of 2 |" in text
    assert f"\ninvoke build --id {FAILED.id}\n" in text
    assert text.count("````") == 4
    assert f"invoke build --id {STOPPED.id}" not in text


def test_a_wheel_without_a_readable_manifest_is_in_the_table_all_the_same(tmp_path: Path) -> None:
    assert f"| `{BUILT.id}` | built |  |  |" in markdown(rows(results()[:1], tmp_path))


def test_each_target_without_a_wheel_is_annotated_with_its_first_lines_and_the_line_that_repeats_it(
    tmp_path: Path,
) -> None:
    error, notice = run_annotations(rows(results(), tmp_path))
    assert error.startswith(f"::error title={FAILED.id}::- a.cpp: error: `x`%0A")
    assert error.endswith(f"%0Ainvoke build --id {FAILED.id}")
    assert notice.startswith(f"::notice title={STOPPED.id}::the time is over")


def test_a_wheel_of_fewer_ops_is_told_apart_in_the_summary_and_the_target_stays_planned() -> None:
    apart = Result(target=BUILT.id, exit_code=0, wheel=f"/o/wheels/{BUILT.folder}/without-async_io/a.whl", message=None)
    whole = Result(target=STOPPED.id, exit_code=0, wheel=f"/o/only-x/wheels/{BUILT.folder}/a.whl", message=None)
    assert (apart.subset, whole.subset) == ("without-async_io", "")
    assert f"| `{BUILT.id}` | built, without-async_io |" in markdown(rows([apart, whole], Path("nowhere")))
    assert f"| `{STOPPED.id}` | built |" in markdown(rows([apart, whole], Path("nowhere")))
    assert builds_document([apart], {}, {BUILT.id}, RUN) == {}


def test_the_page_gets_no_cure_that_only_the_builder_can_use() -> None:
    message = "the header libaio.h is not on this machine; install it with: sudo apt-get install -y libaio-dev"
    lacking = Result(target=FAILED.id, exit_code=PrerequisiteError.exit_code, wheel=None, message=message)
    entry = builds_document([lacking], {}, {FAILED.id}, RUN)[FAILED.id]
    assert entry == {"state": "failed", "message": NOT_READY, "url": RUN}


def test_of_an_artifact_only_the_results_that_were_queued_under_its_name_count(tmp_path: Path) -> None:
    mine, other = make_target().id, make_target(python="3.12").id
    built, failed = (
        Result(target=name, exit_code=code, wheel=None, message=None) for name, code in ((mine, 0), (other, 17))
    )
    write_results(tmp_path / mine / "logs", [built, failed])  # it speaks for the other, too
    write_results(tmp_path / "stranger" / "logs", [failed])
    assert queued_results(tmp_path, {mine: (mine,), other: (other,)}) == (built,)
    assert queued_results(tmp_path, {mine: (mine, other)}) == (built, failed)
    (tmp_path / mine / "logs" / f"{mine}.result.json").write_text("{")
    assert queued_results(tmp_path, {mine: (mine, other)}) == (failed,), "a damaged one keeps no other back"
    renamed = tmp_path / mine / "logs" / f"{other}.result.json"
    renamed.replace(renamed.with_name(f"{mine}.result.json"))
    assert queued_results(tmp_path, {mine: (mine, other)}) == ()
