"""What the steps of a workflow call, as they call it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from scripts.ci.jobs import QUEUE
from scripts.ci.results import Result, read_results, write_results
from scripts.command import Command
from scripts.commands import build_task, prepare_task, report_task
from scripts.commands.build_task import plans_here
from scripts.commands.kept_results import KeptResults
from scripts.commands.keys_task import keys
from scripts.commands.plan_task import next_matrix, plan
from scripts.commands.project import open_project
from scripts.commands.report_task import report
from scripts.commands.task_options import PlanOptions, ReportOptions
from scripts.dirs import default_dirs
from scripts.errors import InputError, NothingToDoError, PrerequisiteError
from scripts.plan.selection import Selection
from scripts.wheel_build.build_options import BuildOptions
from scripts.wheel_build.planner import Planner
from tests.plan.factories import make_plan, make_target

ID = make_target().id
PYTHONS = ("3.11", "3.12")


@pytest.fixture
def step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """A step of a workflow, its files, and folders of its own; nothing beyond this machine is asked."""
    files = SimpleNamespace(outputs=tmp_path / "outputs", summary=tmp_path / "summary", logs=tmp_path / "out" / "logs")
    variables = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_REPOSITORY": "someone/wheels",
        "GITHUB_RUN_ID": "7",
        "GITHUB_OUTPUT": str(files.outputs),
        "GITHUB_STEP_SUMMARY": str(files.summary),
        "DEEPSPEED_WHEELS_OUTPUT": str(tmp_path / "out"),
        "DEEPSPEED_WHEELS_CACHE": str(tmp_path / "cache"),
        "DEEPSPEED_WHEELS_SITE": "http://127.0.0.1:9/",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    open_project.cache_clear()
    monkeypatch.setattr("scripts.ci.results.known_builds", lambda site, say: {})
    monkeypatch.setattr(report_task, "known_builds", lambda site, say: {})
    monkeypatch.setattr("scripts.commands.request_task.requested_first", lambda project: ())
    yield files
    open_project.cache_clear()


def outputs(step: SimpleNamespace) -> dict[str, str]:
    lines = step.outputs.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines)


def result(exit_code: int, python: str = "3.11") -> Result:
    target = make_target(python=python).id
    return Result(target=target, exit_code=exit_code, wheel=None, message="a.cpp:1: error: no")


def test_selectors_come_from_variables_when_none_was_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEEPSPEED_WHEELS_SELECT_TORCH", "2.6, 2.7")
    monkeypatch.setenv("DEEPSPEED_WHEELS_SELECT_PY", "")
    assert Selection().or_handed_over() == Selection(torch=("2.6", "2.7"))
    assert Selection(py=("3.11",)).or_handed_over() == Selection(py=("3.11",))


def test_the_next_jobs_are_handed_to_the_next_job(step: SimpleNamespace, capsys: pytest.CaptureFixture[str]) -> None:
    next_matrix(open_project(), make_plan([make_target(cuda="cu130"), *(make_target(python=p) for p in PYTHONS)]), 1)
    assert outputs(step)["jobs"] == "1"
    assert json.loads(outputs(step)["matrix"]) == json.loads(capsys.readouterr().out)
    assert step.summary.read_text(encoding="utf-8") == "### 2 of 3 targets to build, in 1 jobs\n"


def test_a_queue_has_no_shards() -> None:
    with pytest.raises(InputError, match="omit --shard"):
        plan(Selection(), PlanOptions(shard="1/2", matrix=True))


def test_nothing_to_build_is_an_empty_matrix_and_no_error(step: SimpleNamespace) -> None:
    next_matrix(open_project(), make_plan(), 0)
    assert outputs(step) == {"matrix": '{"include": []}', "jobs": "0"}


def test_keys_are_handed_to_the_steps_that_keep_things(step: SimpleNamespace) -> None:
    keys(Selection(id=(ID,)), as_json=False)
    assert outputs(step)["unfinished-prefix"] == f"unfinished-{ID}-"
    assert outputs(step)["ops-key"] == ""


def test_a_job_looks_for_the_unfinished_work_of_its_first_target(step: SimpleNamespace) -> None:
    second = make_target(python="3.12").id
    keys(Selection(id=(second, ID)), as_json=False)
    assert outputs(step)["unfinished-prefix"] == f"unfinished-{second}-"


@pytest.mark.parametrize("chosen", [Selection(), Selection(id=("ds0.19.8-*-cpu-*",))])
def test_keys_are_those_of_one_job(chosen: Selection) -> None:
    with pytest.raises(InputError, match="--id"):
        keys(chosen, as_json=False)


def test_a_failed_build_is_reported_with_its_exit_code(
    step: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    write_results(step.logs, [result(0, "3.10"), result(17)])
    with pytest.raises(SystemExit) as end:
        report(ReportOptions())
    assert end.value.code == 17
    said = capsys.readouterr()
    assert f"::error title={ID}::a.cpp:1: error: no%0Ainvoke build --id {ID}" in said.err
    assert "1 built, 1 failed" in said.out
    assert f"invoke build --id {ID}" in step.summary.read_text(encoding="utf-8")


def test_a_build_that_goes_on_has_not_failed(step: SimpleNamespace, capsys: pytest.CaptureFixture[str]) -> None:
    write_results(step.logs, [result(130)])
    report(ReportOptions(json=True))
    found = json.loads(capsys.readouterr().out)["results"]
    assert [(row["target"], row["state"]) for row in found] == [(ID, "building")]


def test_no_result_at_all_is_an_error(step: SimpleNamespace) -> None:
    with pytest.raises(NothingToDoError, match="no build has left its result"):
        report(ReportOptions())


def test_the_states_for_the_page_are_written_whatever_failed(step: SimpleNamespace, tmp_path: Path) -> None:
    report(ReportOptions(builds=str(tmp_path / "site" / "builds.json")))
    assert json.loads((tmp_path / "site" / "builds.json").read_text()) == {}
    write_results(step.logs, [result(17)])
    report(ReportOptions(builds=str(tmp_path / "site" / "builds.json")))
    url = "https://github.com/someone/wheels/actions/runs/7"
    entry = {"state": "failed", "message": "a.cpp:1: error: no", "url": url}
    assert json.loads((tmp_path / "site" / "builds.json").read_text()) == {ID: entry}


def test_states_that_cannot_be_written_are_an_error(step: SimpleNamespace, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        report(ReportOptions(builds=str(tmp_path)))


def test_a_target_of_the_queue_without_a_result_has_failed(
    step: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = make_target(python="3.12").id
    rows = [{"id": "torch2.13.0-cpu-linux_x86_64", "runner": "ubuntu-22.04", "python": "3.11", "ids": [ID, lost]}]
    monkeypatch.setenv(QUEUE, json.dumps({"include": rows}))
    write_results(step.logs, [result(0)])
    report(ReportOptions(builds=str(tmp_path / "builds.json")))
    found = json.loads((tmp_path / "builds.json").read_text())
    assert {name: entry["state"] for name, entry in found.items()} == {lost: "failed"}
    assert "left no result" in found[lost]["message"]


def test_what_a_machine_lacks_is_left_as_the_targets_result(
    step: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Refusing:
        dirs = default_dirs()
        options = BuildOptions()

        def here(self, target: object) -> None:
            raise PrerequisiteError("no compiler; install one")

    monkeypatch.setattr(build_task, "require_here", lambda target: None)
    kept = KeptResults(logs=default_dirs().logs, options=BuildOptions())
    with pytest.raises(PrerequisiteError):
        plans_here(cast(Planner, Refusing()), [make_target()], kept)
    (left,) = read_results(step.logs, pytest.fail)
    assert (left.target, left.exit_code, left.message) == (ID, 14, "no compiler; install one")


def test_packages_are_installed_by_the_commands_of_the_targets(
    step: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = Command(argv=(sys.executable, "-c", "print('installed')"))
    monkeypatch.setattr(
        prepare_task, "targets_to_build", lambda project, chosen: [make_target(), make_target(python="3.12")]
    )
    monkeypatch.setattr(prepare_task, "install_commands", lambda target, facts: (command,))
    prepare_task.prepare(Selection(id=(ID,)))
    assert capsys.readouterr().err.splitlines()[1:] == ["installed"]
