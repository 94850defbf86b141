"""What of a recorded build can be repeated here is said before anything is run, and every build leaves its record."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scripts.ci.jobs import job_name
from scripts.ci.results import Result
from scripts.commands import reproduce_task
from scripts.commands.build_replay import complete_replay, forget_replays
from scripts.commands.hosted_options import ReproduceOptions
from scripts.commands.project import open_project
from scripts.commands.repetition import plan_repetition
from scripts.commands.reproduce_task import reproduce
from scripts.diagnose.named_cause import NamedCause
from scripts.errors import InputError, PrerequisiteError, WheelsError
from scripts.host import this_host
from scripts.plan.target import parse_id
from scripts.wheel_build.build_options import BuildOptions
from scripts.wheel_build.planner import Planner
from scripts.wheel_build.replay import Replay, ReplayError, read_replay, replay_path, write_replay
from tests.github.fixtures import standin
from tests.github.hosted import HostedArtifact, HostedJob
from tests.github.standin import REPOSITORY, TOKEN, StandIn
from tests.wheel_build.test_replay import GREEN, RED

__all__ = ["standin"]
HOST = this_host()
OTHER = "ds0.19.8-torch2.13.0-cpu-cp311-" + ("linux_x86_64" if HOST.platform == "win_amd64" else "win_amd64")
MINE = f"ds0.19.8-torch2.13.0-cpu-cp{HOST.python.replace('.', '')}-{HOST.platform}"
CAUSE = NamedCause(cause="disk-full", line="l", where="w", explanation="e", remedy="r")


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DEEPSPEED_WHEELS_OUTPUT", str(tmp_path))
    monkeypatch.setenv("DEEPSPEED_WHEELS_CACHE", str(tmp_path / "cache"))
    for name in ("GITHUB_TOKEN", "GH_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    open_project.cache_clear()
    return tmp_path


def reproduced(replay: Replay, folder: Path, capsys: pytest.CaptureFixture[str], **more: Any) -> Any:  # noqa: ANN401  JSON
    """The document of a dry run."""
    file = folder / "a.replay.json"
    write_replay(file, replay)
    reproduce(ReproduceOptions(what=str(file), dry_run=True, json=True, **more))
    return json.loads(capsys.readouterr().out)


def test_a_target_of_another_system_says_what_can_be_repeated_and_why_no_more(
    folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = reproduced(replace(RED, target=OTHER), folders, capsys)
    assert list(found["steps"]) == ["source"]
    assert found["not_repeated"] == ["environment", "toolchain", "record", "compile", "package", "verification"]
    assert f"and this machine is {HOST.platform}" in found["why_not"]
    assert (found["here"], found["same"]) == (None, None)


def test_its_source_is_repeated_and_the_recorded_failure_is_said_to_be_further_on(
    folders: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(reproduce_task, "note_source", lambda plan, *rest: told.append(plan.target.id))
    file = folders / "a.replay.json"
    write_replay(file, replace(RED, target=OTHER))
    reproduce(ReproduceOptions(what=str(file)))
    assert told == [OTHER]
    said = capsys.readouterr().out
    assert "not repeated here: environment, toolchain, record, compile" in said
    assert "outcome: error[compile-failed] in compile (cpu_adam), out-of-memory there; repeated until source" in said


def test_what_cannot_be_repeated_up_to_a_step_is_not_begun(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = folders / "a.replay.json"
    write_replay(file, replace(RED, target=OTHER))
    reproduce(ReproduceOptions(what=str(file), until="environment", json=True))
    found = json.loads(capsys.readouterr().out)
    assert (found["steps"], found["here"], found["same"]) == ({}, None, None)


@pytest.mark.parametrize(
    ("until", "fault"), [("nowhere", "give one of environment"), ("source:cpu_adam", "or compile:OP")]
)
def test_a_step_that_is_none_is_an_error(until: str, fault: str, folders: Path) -> None:
    with pytest.raises(InputError, match=fault):
        plan_repetition(open_project(), replace(RED, target=OTHER), "here", until)


def test_one_op_alone_is_compiled_when_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[BuildOptions] = []

    def elsewhere(planner: Planner, target: object) -> Any:  # noqa: ANN401  a plan is not needed
        seen.append(planner.options)
        raise PrerequisiteError("no compiler", id="compiler-not-found")

    monkeypatch.setattr(Planner, "here", elsewhere)
    as_there = replace(RED, target=MINE, error=ReplayError(id="compiler-not-found", message="m", first="f", step=""))
    found = plan_repetition(open_project(), as_there, "here", "compile:cpu_adam")
    assert [options.ops for options in seen] == [("cpu_adam",)]
    assert (found.plan, found.steps) == (None, ()), "it ends here as there, before its first step"


def test_the_directory_of_a_toolkit_that_is_not_here_is_a_difference() -> None:
    recorded = replace(GREEN, target=OTHER, options=("--toolkit", "/nowhere/cuda", "--minutes", "5"))
    found = plan_repetition(open_project(), recorded, "here", "")
    assert str(found.differences[0]) == "toolkit: /nowhere/cuda there, no directory here"
    assert found.plan
    assert found.plan.options == BuildOptions()


def test_a_target_that_these_tools_do_not_know_names_the_commit_that_does() -> None:
    with pytest.raises(InputError, match=f"git checkout {'f' * 40}"):
        plan_repetition(open_project(), replace(GREEN, target=OTHER.replace("0.19.8", "0.99.1")), "here", "")


def test_github_is_asked_with_a_token_only() -> None:
    with pytest.raises(PrerequisiteError, match="need a token"):
        reproduce(ReproduceOptions(what="https://github.com/a/b/actions/runs/1"))


def test_a_failed_run_on_github_is_all_that_is_named(
    standin: StandIn, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(f"{OTHER}.replay.json", json.dumps(replace(RED, target=OTHER).as_document()))
    name = job_name(parse_id(OTHER))
    standin.hosted.jobs.append(HostedJob(id=2, run=7, name=name, conclusion="failure"))
    standin.hosted.artifacts.append(HostedArtifact(id=3, run=7, name=f"replay-{name}", content=packed.getvalue()))
    monkeypatch.setenv("GITHUB_API_URL", standin.address)
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    reproduce(ReproduceOptions(what=f"https://github.com/{REPOSITORY}/actions/runs/7", dry_run=True, json=True))
    found = json.loads(capsys.readouterr().out)
    assert (found["target"], found["from"]) == (OTHER, f"artifact replay-{name} of run 7 of {REPOSITORY}")
    assert found["recorded"]["error"]["id"] == "compile-failed"


def test_another_outcome_is_an_error(folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reproduce_task, "repeat", lambda repetition, dirs: replace(RED, target=OTHER, diagnosis=CAUSE))
    file = folders / "a.replay.json"
    write_replay(file, replace(RED, target=OTHER))
    with pytest.raises(WheelsError, match="ended otherwise than recorded") as caught:
        reproduce(ReproduceOptions(what=str(file)))
    assert (caught.value.id, caught.value.exit_code) == ("outcome-differs", 10)


# ---------------------------------------------------------------- what a build leaves


def test_a_build_that_ended_before_its_first_step_leaves_a_record_too(folders: Path) -> None:
    result = Result(target=MINE, exit_code=14, wheel=None, message="error: full", error="disk-full", diagnosis=CAUSE)
    complete_replay(folders / "logs", result, BuildOptions(ops=("cpu_adam",)))
    path = replay_path(folders / "logs", MINE, ("cpu_adam",))
    found = read_replay(path.read_bytes(), path.name)
    assert (found.target, found.options, found.exit_code) == (MINE, ("--ops", "cpu_adam"), 14)
    assert found.error == ReplayError(id="disk-full", message="error: full", first="error: full", step="")
    assert found.diagnosis == CAUSE
    forget_replays(folders / "logs", [parse_id(MINE)], BuildOptions(ops=("cpu_adam",)))
    assert not path.exists()


def test_a_record_of_the_build_itself_is_completed_with_the_cause(folders: Path) -> None:
    path = replay_path(folders / "logs", RED.target)
    write_replay(path, replace(RED, diagnosis=None))
    result = Result(target=RED.target, exit_code=17, wheel=None, message="m", error="compile-failed", diagnosis=CAUSE)
    complete_replay(folders / "logs", result, BuildOptions())
    assert read_replay(path.read_bytes(), path.name) == replace(RED, diagnosis=CAUSE)


def test_the_log_of_a_failed_job_has_the_record_in_one_line(
    folders: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    for code in (0, 130, 17):
        result = Result(target=MINE, exit_code=code, wheel=None, message="m", error="x" if code else "")
        forget_replays(folders / "logs", [parse_id(MINE)], BuildOptions())
        complete_replay(folders / "logs", result, BuildOptions())
    before, line, after = capsys.readouterr().err.splitlines()
    assert (before, after) == (f"::group::replay file of {MINE}", "::endgroup::")
    assert read_replay(line, "log").exit_code == 17
