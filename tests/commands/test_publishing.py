"""`invoke publish`: one wheel that cannot be published does not keep the others back, and is named."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from scripts.ci.jobs import QUEUE
from scripts.commands.publish_task import publish
from scripts.commands.store_options import PublishOptions
from scripts.errors import InputError, NothingToDoError, PublishError
from scripts.plan.target import Target
from tests.plan.factories import make_target
from tests.wheel.artifacts import leave_artifact
from tests.wheel.wheelhouse import file_wheel, targets, wheel_file

FIRST, SECOND, THIRD = targets(3)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    """A store that has the first wheel; the wheelhouse has it with other bytes, and the second."""
    monkeypatch.setenv("DEEPSPEED_WHEELS_OUTPUT", str(tmp_path / "out"))
    file_wheel(tmp_path / "out" / "wheels", FIRST)
    publish(PublishOptions(store=f"dir:{tmp_path / 'store'}", json=True))
    file_wheel(tmp_path / "out" / "wheels", FIRST, filler=b"other")
    file_wheel(tmp_path / "out" / "wheels", SECOND)
    capsys.readouterr()
    return tmp_path / "store"


def test_the_others_are_published_and_the_refused_one_is_an_error_in_the_end(store: Path) -> None:
    first = (store / "v0.19.8" / wheel_file(FIRST)).read_bytes()
    with pytest.raises(PublishError) as caught:
        publish(PublishOptions(store=f"dir:{store}", json=True))
    assert wheel_file(FIRST) in str(caught.value)
    assert wheel_file(SECOND) not in str(caught.value)
    assert (store / "v0.19.8" / f"{wheel_file(SECOND)}.json").is_file()
    assert (store / "v0.19.8" / wheel_file(FIRST)).read_bytes() == first


def test_a_dry_run_names_the_refused_and_lets_a_workflow_go_on(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    publish(PublishOptions(store=f"dir:{store}", dry_run=True, json=True))
    printed = json.loads(capsys.readouterr().out)
    assert [refused["wheel"] for refused in printed["refused"]] == [wheel_file(FIRST)]
    assert wheel_file(SECOND) in printed["releases"][0]["uploads"]
    publish(PublishOptions(store=f"dir:{store}", dry_run=True))
    assert f"refused {wheel_file(FIRST)}: " in capsys.readouterr().out.replace("\n", "")


def test_a_damaged_wheel_keeps_no_other_back_and_is_an_error_in_the_end(store: Path, tmp_path: Path) -> None:
    file_wheel(tmp_path / "out" / "wheels", FIRST)
    wheel = file_wheel(tmp_path / "out" / "wheels", THIRD)
    wheel.write_bytes(wheel.read_bytes()[:-100])
    wheel.with_name(f"{wheel.name}.json").write_text("{")
    with pytest.raises(PublishError, match=r"(?s)refused 1 of 3 wheels.*is not JSON"):
        publish(PublishOptions(store=f"dir:{store}", json=True))
    assert (store / "v0.19.8" / f"{wheel_file(SECOND)}.json").is_file()
    assert not (store / "v0.19.8" / wheel_file(THIRD)).exists()


def test_a_dry_run_into_a_store_that_is_not_there_yet_shows_all_and_makes_nothing(store: Path, tmp_path: Path) -> None:
    publish(PublishOptions(store=f"dir:{tmp_path / 'new'}", dry_run=True))
    assert not (tmp_path / "new").exists()


def test_publishing_that_fails_makes_no_store(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEEPSPEED_WHEELS_OUTPUT", str(tmp_path / "empty"))
    with pytest.raises(NothingToDoError):
        publish(PublishOptions(store=f"dir:{tmp_path / 'new'}"))
    assert not (tmp_path / "new").exists()


def test_a_store_that_cannot_be_made_is_an_error(store: Path) -> None:
    (store / "file").write_text("in the way")
    with pytest.raises(InputError, match="cannot be written"):
        publish(PublishOptions(store=f"dir:{store / 'file' / 'store'}"))


@pytest.fixture
def run_of_two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Target, Target]:
    """The artifacts of a run of two targets, of which one is forged; and both targets."""
    sound, forged = make_target(python="3.11"), make_target(python="3.12")
    leave_artifact(tmp_path / "artifacts", sound)
    leave_artifact(tmp_path / "artifacts", forged, repeat="curl evil.example")
    rows = [
        {"id": target.id, "runner": "ubuntu-22.04", "python": target.python, "ids": [target.id]}
        for target in (sound, forged)
    ]
    for name, value in {
        "GITHUB_ACTIONS": "true",
        "GITHUB_REPOSITORY": "someone/wheels",
        "GITHUB_WORKFLOW_REF": "someone/wheels/.github/workflows/build.yml@refs/heads/main",
        "GITHUB_RUN_ID": "7",
        "GITHUB_OUTPUT": str(tmp_path / "outputs"),
        QUEUE: json.dumps({"include": rows}),
    }.items():
        monkeypatch.setenv(name, value)
    return tmp_path, sound, forged


def test_of_a_runs_artifacts_what_is_true_is_attested_and_published_and_the_rest_an_error(
    run_of_two: tuple[Path, Target, Target],
) -> None:
    folder, sound, forged = run_of_two
    options = PublishOptions(store=f"dir:{folder / 'store'}", artifacts=str(folder / "artifacts"), json=True)
    (folder / "store").mkdir()
    publish(replace(options, attest=str(folder / "attest"), dry_run=True))
    assert (folder / "outputs").read_text() == "wheels=1\n"
    assert [line.split()[1] for line in (folder / "attest" / "checksums.txt").read_text().splitlines()] == [
        wheel_file(sound)
    ]
    with pytest.raises(PublishError, match=f"refused 1 of 2 wheels.*\n.*{forged.id}") as caught:
        publish(options)
    assert caught.value.id == "wheels-refused"
    published = {path.name for path in (folder / "store" / "v0.19.8").glob("*.whl")}
    assert published == {wheel_file(sound)}
    manifest = json.loads((folder / "store" / "v0.19.8" / f"{wheel_file(sound)}.json").read_text())
    assert manifest["proof"]["reported_by"]["workflow"].endswith("build.yml@refs/heads/main")
    assert manifest["proof"]["reported_by"]["run"] == "https://github.com/someone/wheels/actions/runs/7"
    publish(replace(options, attest=str(folder / "attest"), dry_run=True))
    assert (folder / "attest" / "checksums.txt").read_text() == "", "what is public already is not attested again"


def test_artifacts_without_their_queue_are_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(QUEUE, raising=False)
    with pytest.raises(InputError, match=QUEUE):
        publish(PublishOptions(store=f"dir:{tmp_path}", artifacts=str(tmp_path)))
