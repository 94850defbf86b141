"""`invoke doctor`: what it prints, what it changes when it is told to, and how it ends."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from scripts.command import check, run
from scripts.commands import doctor_task
from scripts.commands.doctor_task import doctor
from scripts.commands.task_options import DoctorOptions
from scripts.errors import PrerequisiteError
from scripts.fetch.installer import environment_python, find_installer
from scripts.host import find_interpreter
from scripts.install.environment import read_environment
from tests.install.factories import make_environment, make_machine, make_torch
from tests.publish.loopback import KNOWN_PLATFORM, make_wheel, served, use_client, write_registry

WELL = make_environment(
    platform="linux_x86_64",
    torch=make_torch("2.9.1+cpu"),
    machine=make_machine(driver=None),
    deepspeed="0.19.8+cputorch2.9",
    c_library="glibc 2.39",
    cxx_library="3.4.33",
)
TOOLS = {"ninja": "1.13.0", "psutil": "7.0.0", "py_cpuinfo": "9.0.0", "setuptools": "80.9.0"}


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[str]:
    """A registry with what building needs."""
    for name, version in TOOLS.items():
        folder = tmp_path / "registry" / name.replace("_", "-")
        make_wheel(folder, f"{name}-{version}-py3-none-any.whl", {f"{name}_made_up.py": ""})
    write_registry(tmp_path / "registry")
    with served(tmp_path / "registry") as server:
        yield f"{server.url}/"


@pytest.fixture
def bare(registry: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The Python of an environment without any package, and a client that asks the registry."""
    use_client(monkeypatch, registry, tmp_path / "cache")
    command = find_installer().create(tmp_path / "environment", sys.executable)
    check(command, run(command))
    return environment_python(tmp_path / "environment")


def tools_of(python: Path) -> dict[str, str | None]:
    return dict(read_environment(str(python), machine=make_machine(driver=None)).tools)


@pytest.mark.skipif(not KNOWN_PLATFORM, reason="no target is for this platform")
def test_what_is_missing_is_shown_then_mended_and_looked_at_again(
    bare: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    wanted = [name for name, version in tools_of(bare).items() if version is None]
    assert wanted
    options = DoctorOptions(python=str(bare), to="build", fix=True)
    with pytest.raises(PrerequisiteError, match=r"doctor --to build --python .* --fix"):
        doctor(replace(options, dry_run=True))
    told = capfd.readouterr()
    assert all(f"{name}: " in told.err for name in wanted if name != "setuptools")
    assert "looked again" not in told.out
    assert not any(tools_of(bare).values())  # a dry run changes nothing
    with suppress(PrerequisiteError):  # of what else this machine lacks
        doctor(options)
    seen = tools_of(bare)
    assert {name: version for name, version in seen.items() if name != "setuptools"} == {
        "ninja": "1.13.0",
        "psutil": "7.0.0",
        "py-cpuinfo": "9.0.0",
    }
    before, again, after = capfd.readouterr().out.partition("looked again:")
    assert again
    assert "missing ninja" in " ".join(before.split())
    assert "ok ninja 1.13.0" in " ".join(after.split())


def test_a_python_that_was_installed_meanwhile_is_found_when_it_is_looked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    there: list[str] = []

    def install(command: object) -> int:
        there.append("/new/python3.7")
        return 0

    monkeypatch.setattr("scripts.host.shutil.which", lambda name, **options: next(iter(there), None))
    monkeypatch.setattr("scripts.host._pyenv", lambda version: None)
    monkeypatch.setattr(doctor_task, "read_environment", lambda python: replace(WELL, deepspeed=None))
    monkeypatch.setattr(doctor_task, "run_in_front", install)
    find_interpreter.cache_clear()
    assert find_interpreter("3.7") is None
    with pytest.raises(PrerequisiteError):
        doctor(DoctorOptions(fix=True))
    assert find_interpreter("3.7") == "/new/python3.7"
    find_interpreter.cache_clear()


def test_when_all_is_well_it_says_so_calmly_and_ends_with_the_next_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(doctor_task, "read_environment", lambda python: WELL)
    doctor(DoctorOptions())
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("All is well: ")
    assert lines[-1] == "next: invoke find"
    doctor(DoctorOptions(json=True))
    document = json.loads(capsys.readouterr().out)
    assert (document["well"], document["to"]) == (True, "run")
    assert {row["state"] for row in document["findings"]} == {"ok"}


def test_a_finding_has_an_id_a_consequence_and_a_line_and_the_last_line_is_one_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(doctor_task, "read_environment", lambda python: replace(WELL, torch=None))
    with pytest.raises(PrerequisiteError, match=r"^wrong or missing: torch, deepspeed; invoke doctor --fix$") as caught:
        doctor(DoctorOptions())
    assert (caught.value.id, caught.value.exit_code) == ("doctor-found", 14)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "2 things need your attention, 11 do not: torch, DeepSpeed."
    place = next(number for number, line in enumerate(lines) if line.split()[:2] == ["missing", "torch"])
    assert lines[place + 1].strip().startswith("torch: DeepSpeed cannot be imported")
    assert lines[place + 2].strip() == "-> invoke install --repair --python python.exe"
    assert lines[-1] == "next: invoke doctor --fix"
    with pytest.raises(PrerequisiteError, match=r"invoke doctor --python [\"']my env/bin[\"'] --fix$"):
        doctor(DoctorOptions(python="my env/bin"))


def test_what_a_person_has_to_do_is_the_last_line_where_no_command_mends_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    old = replace(WELL, c_library="glibc 2.17", deepspeed="0.19.8+cputorch2.9")
    monkeypatch.setattr(doctor_task, "read_environment", lambda python: old)
    with pytest.raises(PrerequisiteError, match="wrong or missing: c-library; take a newer Linux"):
        doctor(DoctorOptions(fix=True))
    assert "looked again" not in capsys.readouterr().out


@pytest.mark.parametrize(("answer", "ran"), [("n\n", 0), ("\n", 1), ("yes\n", 1)])
def test_on_a_terminal_each_line_is_asked_about(answer: str, ran: int, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[object] = []

    def note(command: object) -> int:
        done.append(command)
        return 0

    monkeypatch.setattr(doctor_task, "read_environment", lambda python: replace(WELL, deepspeed=None))
    monkeypatch.setattr(doctor_task, "run_in_front", note)
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    monkeypatch.setattr("sys.stderr", Terminal(""))
    with pytest.raises(PrerequisiteError, match="wrong or missing: deepspeed"):
        doctor(DoctorOptions(fix=True))
    assert len(done) == ran


class Terminal:
    """Somebody at a keyboard who answers this."""

    def __init__(self, answer: str) -> None:
        self.answer = answer

    def isatty(self) -> bool:
        return True

    def readline(self) -> str:
        return self.answer

    def write(self, text: str) -> int:
        return len(text)

    def flush(self) -> None:
        pass


def test_a_person_who_types_it_gets_exit_code_14_and_no_traceback(bare: Path) -> None:
    told = subprocess.run(
        [sys.executable, "-m", "invoke", "doctor", "--python", str(bare)], capture_output=True, text=True, check=False
    )
    assert told.returncode == 14, told.stderr
    assert "error[doctor-found]: wrong or missing: torch, deepspeed" in told.stderr
    assert "Traceback" not in told.stderr
