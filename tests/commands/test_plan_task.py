"""`invoke plan`: what is shown when nothing is left, and how wide."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.commands.plan_task import plan
from scripts.commands.project import open_project
from scripts.commands.task_options import PlanOptions
from scripts.errors import NothingToDoError
from scripts.plan.selection import Selection
from tests.wheel.wheelhouse import wheel_file

GONE = Selection(py=("3.9",), deepspeed=("0.19.8",), torch=("2.6",))
ONE = Selection(id=("ds0.19.8-torch2.13.*-cpu-cp311-linux_x86_64",))


def test_what_excluded_everything_that_was_selected_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(NothingToDoError, match="deepspeed-python: "):
        plan(GONE, PlanOptions())
    plan(GONE, PlanOptions(omitted=True))
    told = capsys.readouterr().out
    assert "0 targets, " in told
    assert "deepspeed-python" in told


def test_the_table_of_what_is_excluded_is_whole_at_80_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    plan(Selection(deepspeed=("0.14.5",), torch=("2.9",)), PlanOptions(omitted=True))
    told = capsys.readouterr().out
    assert max(len(line) for line in told.splitlines()) <= 80
    table = told[: told.index("per axis")]
    assert "…" not in table
    assert "linux_x86_64" in table


def test_that_nothing_is_missing_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (planned,) = open_project().select(ONE).targets
    release = tmp_path / f"v{planned.target.deepspeed}"
    release.mkdir()
    for suffix in ("", ".json"):
        (release / f"{wheel_file(planned.target)}{suffix}").touch()
    plan(ONE, PlanOptions(missing=True, store=f"dir:{tmp_path}"))
    assert capsys.readouterr().err == "nothing is missing: each of the 1 targets is published\n"
