"""Who writes a shared folder is alone with it; whoever waits is told for whom, and for nobody who is dead."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from scripts import locks
from scripts.errors import PrerequisiteError
from scripts.locks import holder_of, lock_of, locked
from tests.holding import busy

HOLDING = """
import sys
from pathlib import Path
from scripts.locks import locked
with locked(Path(sys.argv[1]), "it is being made"):
    hold()
"""


def test_a_lock_that_is_held_is_an_error_that_names_who_holds_it_since_when_and_where(tmp_path: Path) -> None:
    with busy(HOLDING, tmp_path / "tree") as other:
        wanted = rf"is being made in .*tree by process {other.pid} on .*, since 20\d\d-.*, started in .*; wait for that"
        with (
            pytest.raises(PrerequisiteError, match=wanted) as caught,
            locked(tmp_path / "tree", "it is being made", wait=False),
        ):
            pass
        assert caught.value.id == "already-building"
        assert f"process {other.pid}" in holder_of(tmp_path / "tree")


def test_a_holder_that_was_killed_holds_nothing(tmp_path: Path) -> None:
    with busy(HOLDING, tmp_path / "tree") as other:
        other.kill()
    assert lock_of(tmp_path / "tree").exists()
    assert holder_of(tmp_path / "tree") == ""
    with locked(tmp_path / "tree", "it is being made", wait=False):
        pass


def test_who_waits_is_told_for_whom_and_goes_on_when_the_holder_has_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "REPORT_SECONDS", 0.2)
    lines: list[str] = []

    def end_when_waited_for() -> None:
        while len(lines) < 2:
            time.sleep(0.05)
        other.kill()

    with busy(HOLDING, tmp_path / "tree") as other:
        ender = threading.Thread(target=end_when_waited_for)
        ender.start()
        with locked(tmp_path / "tree", "it is being made", log=lines.append):
            assert holder_of(tmp_path / "tree").startswith(f"process {os.getpid()} on ")
        ender.join()
    assert lines[0].startswith(f"waiting: it is being made in {tmp_path / 'tree'} by process {other.pid} on ")
    assert lines[1].startswith(f"still waiting, 0.0 min: it is being made by process {other.pid} on ")
    assert lines[-1].startswith("going on after ")


def test_a_lock_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(PrerequisiteError, match="cannot be locked"), locked(tmp_path / "file" / "tree", "it is made"):
        pass


def test_looking_who_holds_a_lock_leaves_nothing_behind(tmp_path: Path) -> None:
    assert holder_of(tmp_path / "tree") == ""
    assert list(tmp_path.iterdir()) == []
    with locked(tmp_path / "tree", "it is made"):
        pass
    assert {path.name for path in tmp_path.iterdir()} <= {"tree.lock"}
