"""Of several targets each leaves its wheel, and one torch is kept at a time."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.command import Command, Outcome
from scripts.dirs import Dirs
from scripts.fetch.installer import Installer
from scripts.locks import locked
from scripts.plan.target import parse_id
from scripts.wheel_build import preflight, tidying
from scripts.wheel_build.build_plan import BuildPlan
from scripts.wheel_build.preflight import environment_of
from scripts.wheel_build.tidying import tidy_up
from tests.wheel_build.plans import make_plan

DONE, SAME, OTHER = (
    make_plan(parse_id(f"ds{deepspeed}-torch2.13.0-cpu-cp{python}-linux_x86_64"))
    for deepspeed, python in (("0.19.8", 311), ("0.19.7", 311), ("0.19.8", 312))
)


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Command]:
    found: list[Command] = []

    def run(command: Command, **how: object) -> Outcome:
        found.append(command)
        return Outcome(exit_code=0, output="", seconds=0.0, peak_bytes=0)

    monkeypatch.setattr(tidying, "run", run)
    monkeypatch.setattr(preflight, "ENVIRONMENTS", tmp_path / ".nox")
    return found


def tidy(folder: Path, following: list[BuildPlan], uv: str | None = "uv") -> Dirs:
    dirs = Dirs(cache=folder / "cache", wheelhouse=folder / "wheels", logs=folder / "logs")
    for directory in (environment_of(DONE.target), dirs.work(DONE.target.id), dirs.work(OTHER.target.id)):
        (directory / "bin").mkdir(parents=True)
        (directory / "bin/python").touch()
    tidy_up(DONE, following, dirs, Installer(uv=uv), lambda line: None)
    assert not environment_of(DONE.target).exists()
    assert not dirs.work(DONE.target.id).exists()
    assert dirs.work(OTHER.target.id).exists()
    return dirs


def test_the_torch_of_a_python_goes_when_its_last_release_is_done(ran: list[Command], tmp_path: Path) -> None:
    tidy(tmp_path, [OTHER])
    assert [command.argv for command in ran] == [("uv", "cache", "clean", "--quiet", "torch", "triton")]


@pytest.mark.parametrize("following", [[SAME, OTHER], []])
def test_it_stays_for_the_next_release_and_after_the_last(
    following: list[BuildPlan], ran: list[Command], tmp_path: Path
) -> None:
    tidy(tmp_path, following)
    assert ran == []


def test_a_client_that_keeps_no_unpacked_packages_has_none_to_forget(ran: list[Command], tmp_path: Path) -> None:
    tidy(tmp_path, [OTHER], uv=None)
    assert ran == []


@pytest.mark.parametrize("held", ["environment", "work"])
def test_what_another_process_has_begun_to_build_in_stays(ran: list[Command], tmp_path: Path, held: str) -> None:
    dirs, told = Dirs(cache=tmp_path / "cache", wheelhouse=tmp_path / "wheels", logs=tmp_path / "logs"), list[str]()
    folders = {"environment": environment_of(DONE.target), "work": dirs.work(DONE.target.id)}
    for folder in folders.values():
        folder.mkdir(parents=True)
    with locked(folders[held], "a build"):
        tidy_up(DONE, [], dirs, Installer(uv="uv"), told.append)
    assert all(folder.exists() for folder in folders.values())
    assert any("left stays" in line for line in told)
