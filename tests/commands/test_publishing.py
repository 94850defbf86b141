"""`invoke publish`: one wheel that cannot be published does not keep the others back, and is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scripts.commands.publish_task import publish
from scripts.commands.store_options import PublishOptions
from scripts.errors import InputError, NothingToDoError, PublishError
from tests.wheel.wheelhouse import file_wheel, targets

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
    first = (store / "v0.19.8" / FIRST.wheel_name).read_bytes()
    with pytest.raises(PublishError) as caught:
        publish(PublishOptions(store=f"dir:{store}", json=True))
    assert FIRST.wheel_name in str(caught.value)
    assert SECOND.wheel_name not in str(caught.value)
    assert (store / "v0.19.8" / f"{SECOND.wheel_name}.json").is_file()
    assert (store / "v0.19.8" / FIRST.wheel_name).read_bytes() == first


def test_a_dry_run_names_the_refused_and_lets_a_workflow_go_on(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    publish(PublishOptions(store=f"dir:{store}", dry_run=True, json=True))
    printed = json.loads(capsys.readouterr().out)
    assert [refused["wheel"] for refused in printed["refused"]] == [FIRST.wheel_name]
    assert SECOND.wheel_name in printed["releases"][0]["uploads"]
    publish(PublishOptions(store=f"dir:{store}", dry_run=True))
    assert f"refused {FIRST.wheel_name}: " in capsys.readouterr().out.replace("\n", "")


def test_a_damaged_wheel_keeps_no_other_back_and_is_an_error_in_the_end(store: Path, tmp_path: Path) -> None:
    file_wheel(tmp_path / "out" / "wheels", FIRST)
    wheel = file_wheel(tmp_path / "out" / "wheels", THIRD)
    wheel.write_bytes(wheel.read_bytes()[:-100])
    wheel.with_name(f"{wheel.name}.json").write_text("{")
    with pytest.raises(PublishError, match=r"(?s)refused 1 of 3 wheels.*is not JSON"):
        publish(PublishOptions(store=f"dir:{store}", json=True))
    assert (store / "v0.19.8" / f"{SECOND.wheel_name}.json").is_file()
    assert not (store / "v0.19.8" / THIRD.wheel_name).exists()


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
