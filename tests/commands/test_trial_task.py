"""A trial builds one of each kind, the least certain first, goes on after a failure, and leaves all of it to send."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from scripts.ci.results import Result, write_results
from scripts.command import Answer, Command
from scripts.commands import trial_task
from scripts.commands.project import Project
from scripts.commands.task_options import TrialOptions
from scripts.dirs import Dirs
from scripts.errors import NothingToDoError
from scripts.facts.load import load_facts
from scripts.plan.matrix import load_matrix
from scripts.plan.selected_plan import plan_of
from scripts.plan.selection import Selection
from scripts.plan.target import parse_id
from scripts.plan.trial_targets import trial_targets

FACTS = load_facts()
MATRIX = load_matrix(Path(__file__).parent.parent.parent / "matrix.yaml", FACTS)
WINDOWS = [
    each.target
    for each in plan_of(
        MATRIX, FACTS, Selection(platform=("windows",), deepspeed=("0.19.8", "0.16.5"), py=("3.11", "3.14"))
    ).targets
]


class Machine:
    """Builds that are not run: each ends as it is told to, and leaves what a build leaves."""

    def __init__(self, dirs: Dirs) -> None:
        self.dirs, self.codes, self.built = dirs, list[int](), list[str]()

    def run(self, command: Command) -> int:
        [name] = [word for word in command.argv if word.startswith("ds")]
        code = self.codes.pop(0)
        self.built.append(name)
        target = parse_id(name)
        self.dirs.logs.mkdir(parents=True, exist_ok=True)
        (self.dirs.logs / f"{name}.log").write_bytes(f"log of {name}\n".encode())
        write_results(self.dirs.logs, [Result(target=name, exit_code=code, wheel=None, message=None)])
        folder = self.dirs.wheelhouse / (target.folder if not code else "failed")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / target.wheel_name).write_bytes(b"a wheel")
        (folder / f"{target.wheel_name}.json").write_text("{}", encoding="utf-8")
        return code


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    dirs = Dirs(cache=tmp_path / "cache", wheelhouse=tmp_path / "wheels", logs=tmp_path / "logs")
    project = Project(facts=FACTS, matrix=MATRIX, dirs=dirs)
    found = Machine(dirs)
    monkeypatch.setattr(trial_task, "open_project", lambda: project)
    monkeypatch.setattr(trial_task, "buildable", lambda plan: WINDOWS)
    monkeypatch.setattr(trial_task, "run_in_front", found.run)
    answer: Callable[..., Answer] = lambda *words, **options: Answer(exit_code=0, output="{}", errors="")  # noqa: E731
    monkeypatch.setattr(trial_task, "ask", answer)
    return found


def test_one_of_each_kind_is_tried_the_least_certain_first_for_this_python_where_it_can() -> None:
    found = trial_targets(WINDOWS, "3.14")
    assert [target.cuda for target in found] == ["cu132", "cu130", "cpu", "cu124"]
    assert {target.deepspeed for target in found} == {"0.19.8"}
    assert [target.python for target in found] == ["3.14", "3.14", "3.14", "3.11"]  # torch 2.6 has none for 3.14


def test_a_failure_stops_nothing_and_the_archive_holds_what_each_left(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.codes = [17, 0, 0, 19]
    with pytest.raises(SystemExit) as ended:
        trial_task.trial(TrialOptions())
    assert ended.value.code == 17
    assert len(machine.built) == 4
    said = capsys.readouterr().out
    assert "failed, exit code 17" in said
    assert f"Please send {machine.dirs.logs / 'trial.zip'}" in said
    with zipfile.ZipFile(machine.dirs.logs / "trial.zip") as archive:
        names = archive.namelist()
        first = machine.built[0]
        assert archive.read(f"{first}/build.log") == f"log of {first}\n".encode()
        assert json.loads(archive.read(f"{first}/result.json"))["exit_code"] == 17
        assert "host" in json.loads(archive.read("machine.json"))
    assert f"{first}/manifest/failed/{parse_id(first).wheel_name}.json" in names
    assert all(f"{name}/toolchain.json" in names for name in machine.built)
    assert not [name for name in names if name.endswith(".whl")]


def test_ctrl_c_ends_the_trial_and_what_there_is_is_still_packed(machine: Machine) -> None:
    machine.codes = [0, 130]
    with pytest.raises(SystemExit):
        trial_task.trial(TrialOptions())
    assert len(machine.built) == 2
    with zipfile.ZipFile(machine.dirs.logs / "trial.zip") as archive:
        assert f"{machine.built[0]}/build.log" in archive.namelist()


def test_the_result_of_an_earlier_build_is_not_taken_for_that_of_the_trial(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    earlier = [Result(target=target.id, exit_code=0, wheel=None, message=None) for target in WINDOWS]
    write_results(machine.dirs.logs, earlier)
    monkeypatch.setattr(trial_task, "run_in_front", lambda command: 14)  # it ended before it left a result
    trial_task.trial(TrialOptions())
    assert capsys.readouterr().out.count("not built") == 4


def test_a_dry_run_shows_the_lines_of_windows_anywhere_and_runs_none(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    trial_task.trial(TrialOptions(dry_run=True, platform="win_amd64"))
    lines = capsys.readouterr().out.splitlines()
    assert [line.rpartition("-")[2] for line in lines[:4]] == ["win_amd64"] * 4
    assert all(line.startswith("invoke build --id ds") for line in lines[:4])
    assert machine.built == []


def test_a_machine_without_a_target_is_told_so(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial_task, "buildable", lambda plan: ())
    with pytest.raises(NothingToDoError, match="the matrix has no target for"):
        trial_task.trial(TrialOptions())
