"""A trial builds one of each kind, the least certain first, goes on after a failure, and leaves all of it to send."""

from __future__ import annotations

import errno
import json
import os
import re
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from scripts.ci.results import Result, write_results
from scripts.command import Answer, Command
from scripts.commands import trial_archive, trial_task
from scripts.commands.diagnose_task import diagnose_log
from scripts.commands.project import Project
from scripts.commands.task_options import DiagnoseOptions, TrialOptions
from scripts.commands.trial_archive import without_person
from scripts.commands.trial_task import trial
from scripts.dirs import Dirs
from scripts.errors import InputError, NothingToDoError, PrerequisiteError
from scripts.facts.load import load_facts
from scripts.host import this_host
from scripts.plan.matrix import load_matrix
from scripts.plan.selected_plan import plan_of
from scripts.plan.selection import Selection
from scripts.plan.target import parse_id
from scripts.plan.trial_targets import trial_targets
from scripts.shell import shell_line
from scripts.wheel_build.build_options import BuildOptions

FACTS = load_facts()
MATRIX = load_matrix(Path(__file__).parent.parent.parent / "matrix.yaml", FACTS)
WINDOWS = [
    each.target
    for each in plan_of(
        MATRIX, FACTS, Selection(platform=("windows",), deepspeed=("0.19.8", "0.16.5"), py=("3.11", "3.14"))
    ).targets
]
UNREADY = 14  # of a build that came to no log
SAID = {17: "softmax.h(7): error C2872: 'std': ambiguous symbol\n"}  # by exit code


class Machine:
    """Builds that are not run: each ends as it is told to (None: with Ctrl-C), and leaves what a build leaves."""

    def __init__(self, dirs: Dirs) -> None:
        self.dirs, self.codes, self.built = dirs, list[int | None](), list[str]()
        self.commands: list[Command] = []

    def run(self, command: Command) -> int:
        [name] = [word for word in command.argv if word.startswith("ds")]
        code = self.codes.pop(0)
        if code is None:
            raise KeyboardInterrupt
        self.built.append(name)
        self.commands.append(command)
        target = parse_id(name)
        self.dirs.logs.mkdir(parents=True, exist_ok=True)
        if code != UNREADY:
            with (self.dirs.logs / f"{name}.log").open("a", encoding="utf-8") as log:  # as a build does
                log.write(f"log of {name}\n{SAID.get(code, '')}")
        ops = command.argv[command.argv.index("--ops") + 1] if "--ops" in command.argv else ""
        error = "disk-full" if code == UNREADY else "ops-failed"
        failed = Result(target=name, exit_code=code, wheel=None, message="1 op failed:\n  more", error=error, ops=ops)
        write_results(self.dirs.logs, [failed if code else replace(failed, message=None, error="")])
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
        trial(TrialOptions(), BuildOptions())
    assert ended.value.code == 17
    assert len(machine.built) == 4
    said, told = capsys.readouterr()
    assert f"looking for compilers 4 of 4: {machine.built[3]}\ntrial 1 of 4: {machine.built[0]}\n" in told
    assert f"failed, exit code 17: {machine.built[0]}\n  error[ops-failed]: 1 op failed:\n" in said
    assert f"built and verified: {machine.built[1]}\n" in said
    assert f"Please send {machine.dirs.logs / 'trial.zip'}" in said
    with zipfile.ZipFile(machine.dirs.logs / "trial.zip") as archive:
        names = archive.namelist()
        first = machine.built[0]
        assert archive.read(f"{first}/build.log").startswith(f"log of {first}{os.linesep}".encode())
        assert json.loads(archive.read(f"{first}/result.json"))["exit_code"] == 17
        assert "host" in json.loads(archive.read("machine.json"))
    assert f"{first}/manifest/failed/{parse_id(first).wheel_name}.json" in names
    assert all(f"{name}/toolchain.json" in names for name in machine.built)
    assert not [name for name in names if name.endswith(".whl")]


@pytest.mark.parametrize("signal", [None, 130])
def test_ctrl_c_ends_the_trial_and_what_there_is_is_still_packed(
    machine: Machine, signal: int | None, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.codes = [0, signal]
    with pytest.raises(KeyboardInterrupt if signal is None else SystemExit):
        trial(TrialOptions(), BuildOptions())
    assert len(machine.built) == (1 if signal is None else 2)
    assert "Please send" in capsys.readouterr().out
    with zipfile.ZipFile(machine.dirs.logs / "trial.zip") as archive:
        assert f"{machine.built[0]}/build.log" in archive.namelist()
        assert len([name for name in archive.namelist() if name.endswith("/toolchain.json")]) == 4


def test_a_build_that_used_up_its_minutes_is_not_the_end_of_the_trial(machine: Machine) -> None:
    machine.codes = [130, 130, 0, 0]
    with pytest.raises(SystemExit) as ended:
        trial(TrialOptions(), BuildOptions(minutes=60))
    assert ended.value.code == 130
    assert len(machine.built) == 4


def test_a_trial_of_some_ops_builds_these_and_packs_their_result(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    earlier = [Result(target=target.id, exit_code=19, wheel=None, message=None) for target in WINDOWS]
    write_results(machine.dirs.logs, earlier)  # of whole builds
    machine.codes = [0, 0, 17, 0]
    with pytest.raises(SystemExit) as ended:
        trial(TrialOptions(), BuildOptions(ops=("fused_adam", "cpu_adam"), verify="load"))
    assert ended.value.code == 17
    assert all(each.argv[-4:] == ("--ops", "fused_adam,cpu_adam", "--verify", "load") for each in machine.commands)
    said = capsys.readouterr().out
    assert said.count("built and verified") == 3
    with zipfile.ZipFile(machine.dirs.logs / "trial.zip") as archive:
        codes = [json.loads(archive.read(f"{name}/result.json"))["exit_code"] for name in machine.built]
    assert codes == [0, 0, 17, 0]


def test_diagnose_reads_the_archive_that_was_sent(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    machine.codes = [17, 0, 0, 14]
    with pytest.raises(SystemExit):
        trial(TrialOptions(), BuildOptions())
    file = machine.dirs.logs / "trial.zip"
    assert f"invoke diagnose {file}\n" in capsys.readouterr().out
    diagnose_log(DiagnoseOptions(log=str(file)))
    lines = capsys.readouterr().out.splitlines()
    of = {line[3:]: lines[number + 1] for number, line in enumerate(lines) if line.startswith("== ")}
    assert list(of) == sorted(machine.built)
    compiled, fine, _, unready = machine.built
    assert of[compiled] == "cause: std-ambiguous"
    assert of[fine] == "nothing wrong found"
    assert of[unready] == "cause: disk-full"  # no log: what its result says
    diagnose_log(DiagnoseOptions(log=str(file), json=True))
    assert json.loads(capsys.readouterr().out)[compiled]["findings"][0]["line_number"] == 2


@pytest.mark.parametrize("damage", ["missing", "cut off", "a byte", "no archive", "of something else"])
def test_an_archive_that_is_none_of_a_trial_is_an_error(machine: Machine, damage: str) -> None:
    machine.codes = [0, 0, 0, 0]
    trial(TrialOptions(), BuildOptions())
    file = machine.dirs.logs / "trial.zip"
    content = bytearray(file.read_bytes())
    with zipfile.ZipFile(file) as archive:
        place = (
            archive.getinfo(f"{machine.built[0]}/build.log").header_offset + 30 + len(f"{machine.built[0]}/build.log")
        )
    content[place + 2] ^= 0xFF
    if damage == "missing":
        file.unlink()
    elif damage == "of something else":
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("notes.txt", "nothing")
    else:
        file.write_bytes({"cut off": file.read_bytes()[:-30], "a byte": bytes(content), "no archive": b"text"}[damage])
    with pytest.raises(InputError, match=r"trial\.zip (cannot be read|is damaged|holds no log)"):
        diagnose_log(DiagnoseOptions(log=str(file)))


def test_a_build_that_left_no_result_is_a_failure_and_no_earlier_one_is_taken_for_it(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    earlier = [Result(target=target.id, exit_code=0, wheel=None, message=None) for target in WINDOWS]
    write_results(machine.dirs.logs, earlier)
    monkeypatch.setattr(trial_task, "run_in_front", lambda command: 14)  # it ended before it left a result
    with pytest.raises(SystemExit) as ended:
        trial(TrialOptions(), BuildOptions())
    assert ended.value.code == 14
    assert capsys.readouterr().out.count("failed, exit code 14: ") == 4
    file = machine.dirs.logs / "trial.zip"
    with zipfile.ZipFile(file) as archive:
        results = [json.loads(archive.read(name)) for name in archive.namelist() if name.endswith("/result.json")]
    assert [result["exit_code"] for result in results] == [14] * 4
    diagnose_log(DiagnoseOptions(log=str(file)))  # has something to read


def test_how_the_builds_ended_is_told_where_the_disk_is_full(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*given: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(trial_archive, "write_whole", full)
    monkeypatch.setattr(trial_archive, "write_results", full)
    monkeypatch.setattr(trial_task, "run_in_front", lambda command: UNREADY)
    with pytest.raises(OSError, match="No space left"):
        trial(TrialOptions(), BuildOptions())
    assert capsys.readouterr().out.count("not built: ") == 4
    monkeypatch.setattr(trial_archive, "write_whole", lambda *given: None)
    with pytest.raises(SystemExit) as ended:
        trial(TrialOptions(), BuildOptions())
    assert ended.value.code == UNREADY


def test_what_an_earlier_trial_said_is_not_taken_for_what_this_one_says(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.codes = [17, 17, 0, 0, 0, 14, 0, 17]
    for _ in range(2):
        with pytest.raises(SystemExit):
            trial(TrialOptions(), BuildOptions())
    capsys.readouterr()
    file = machine.dirs.logs / "trial.zip"
    diagnose_log(DiagnoseOptions(log=str(file)))
    lines = capsys.readouterr().out.splitlines()
    of = {line[3:]: lines[number + 1] for number, line in enumerate(lines) if line.startswith("== ")}
    assert [of[name] for name in machine.built[:4]] == [
        "nothing wrong found",
        "cause: disk-full",  # it came to no log: what its result says
        "nothing wrong found",
        "cause: std-ambiguous",
    ]
    with zipfile.ZipFile(file) as archive:
        assert b"C2872" in archive.read(f"{machine.built[0]}/earlier.log")


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        (r"cl.exe -IC:\Users\jane\src /c C:\Windows\x", r"cl.exe -IC:\Users\~\src /c C:\Windows\x"),
        (r"TEMP=c:\users\JANEDO~1\AppData", r"TEMP=c:\users\~\AppData"),
        (json.dumps({"a": r"D:\Users\Jürgen Groß\x"}), json.dumps({"a": r"D:\Users\~\x"})),
        ("C:/Users/Jane Doe/x.h(3): error C2872", "C:/Users/~/x.h(3): error C2872"),
        (json.dumps(r"C:\Users\jane"), '"~"'),
        (r"USERPROFILE=C:\Users\jane", "USERPROFILE=~"),
        (r"C:\Users\janet\x", r"C:\Users\~\x"),
        (r"C:\Program Files\x and E:\a\Users.h", r"C:\Program Files\x and E:\a\Users.h"),
    ],
)
def test_no_name_of_a_person_is_sent(monkeypatch: pytest.MonkeyPatch, text: str, sent: str) -> None:
    monkeypatch.setattr(Path, "home", lambda: r"C:\Users\jane")
    assert without_person(text.encode()).decode() == sent


def test_what_a_trial_packs_is_without_the_name_of_a_person(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Path, "home", lambda: machine.dirs.logs.parent)
    answer = Answer(exit_code=0, output=json.dumps({"root": str(machine.dirs.logs)}), errors="")
    monkeypatch.setattr(trial_task, "ask", lambda *words, **options: answer)
    monkeypatch.setitem(SAID, 17, f"{machine.dirs.logs}/x.h(7): error C2872\n")
    machine.codes = [17, 0, 0, 0]
    with pytest.raises(SystemExit):
        trial(TrialOptions(), BuildOptions())
    with zipfile.ZipFile(machine.dirs.logs / "trial.zip") as archive:
        texts = [archive.read(name).decode() for name in archive.namelist()]
    assert not [text for text in texts if str(machine.dirs.logs.parent) in text]
    assert any(re.search(r"~\S*logs/x\.h\(7\): error C2872", text) for text in texts)


def test_the_line_that_reads_the_archive_can_be_pasted(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.dirs = replace(machine.dirs, logs=tmp_path / "my logs")
    monkeypatch.setattr(trial_task, "open_project", lambda: Project(facts=FACTS, matrix=MATRIX, dirs=machine.dirs))
    machine.codes = [0, 0, 0, 0]
    trial(TrialOptions(), BuildOptions())
    assert shell_line(["invoke", "diagnose", str(tmp_path / "my logs" / "trial.zip")]) in capsys.readouterr().out


def test_another_system_is_for_a_dry_run(machine: Machine) -> None:
    other = "linux_x86_64" if this_host().platform == "win_amd64" else "win_amd64"
    with pytest.raises(PrerequisiteError, match=f"nothing for {other} can be built here: this is .*; --dry-run shows"):
        trial(TrialOptions(platform=other), BuildOptions())
    assert not (machine.dirs.logs / "trial.zip").exists()


def test_ops_that_no_target_can_have_are_an_error_before_anything_is_run(machine: Machine) -> None:
    for options in (TrialOptions(), TrialOptions(dry_run=True)):
        with pytest.raises(InputError, match="cannot have the op 'fused_addam': DeepSpeed has no op of that name"):
            trial(options, BuildOptions(ops=("fused_addam",)))
    machine.codes = [0, 0, 11, 0]
    with pytest.raises(SystemExit):
        trial(TrialOptions(), BuildOptions(ops=("quantizer",)))  # which the CPU target cannot have
    assert len(machine.built) == 4


def test_a_dry_run_shows_the_lines_of_windows_anywhere_and_runs_none(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    trial(TrialOptions(dry_run=True, platform="win_amd64"), BuildOptions())
    lines = capsys.readouterr().out.splitlines()
    assert [line.rpartition("-")[2] for line in lines[:4]] == ["win_amd64"] * 4
    assert all(line.startswith("invoke build --id ds") for line in lines[:4])
    assert machine.built == []


def test_a_machine_without_a_target_is_told_so(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial_task, "buildable", lambda plan: ())
    with pytest.raises(NothingToDoError, match="the matrix has no target for"):
        trial(TrialOptions(), BuildOptions())
