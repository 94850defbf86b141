"""Every target that was to be built has a result, however nox ended, and what fails keeps no other back."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest

from scripts.command import Command
from scripts.commands import nox_call
from scripts.commands.nox_call import RESULTS, build_targets
from scripts.errors import PrerequisiteError
from scripts.plan.target import Target, parse_id
from scripts.stop_signals import StopSignal
from scripts.wheel_build.build_options import BuildOptions
from scripts.wheel_build.handed_plans import DEADLINE, PLANS, seconds_to_compile
from tests.wheel_build.plans import make_plan

TARGETS = tuple(f"ds0.19.8-torch2.13.0-cpu-cp{python}-linux_x86_64" for python in (311, 312, 313))
Ends = Mapping[str, int | BaseException | None]  # by target: an exit code that is reported, what is raised, or nothing


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The targets whose builds were begun."""
    found: list[str] = []
    monkeypatch.setattr(nox_call, "lock_target", lambda target, wait: nullcontext())
    return found


def build(
    monkeypatch: pytest.MonkeyPatch, ran: list[str], ends: Ends, *, minutes: int = 0
) -> list[tuple[str, int, str]]:
    """How the targets ended when nox ended so for each; those that are not named are filed."""

    def run_nox(command: Command) -> int:
        [target] = [word for word in command.argv if word in TARGETS]
        ran.append(target)
        end = ends.get(target, 0)
        if isinstance(end, BaseException):
            raise end
        if end is not None:
            report = {"target": target, "exit_code": end, "wheel": None if end else "a.whl", "message": None}
            Path(command.env[RESULTS]).write_text(json.dumps(report) + "\n", encoding="utf-8")
        return 1

    monkeypatch.setattr(nox_call, "run_in_front", run_nox)
    plans = [make_plan(parse_id(target)) for target in TARGETS]
    results = list(build_targets(plans, BuildOptions(minutes=minutes)))
    assert [result.target for result in results] == [*TARGETS]
    return [(result.state, result.exit_code, result.message or "") for result in results]


def test_a_failure_of_one_is_no_failure_of_another(monkeypatch: pytest.MonkeyPatch, ran: list[str]) -> None:
    first, second, third = build(monkeypatch, ran, {TARGETS[0]: 17, TARGETS[1]: None})
    assert first == ("failed", 17, "")
    assert second[:2] == ("failed", 10)
    assert "nox ended before" in second[2]
    assert third == ("built", 0, "")


def test_one_that_another_process_builds_keeps_no_other_back(monkeypatch: pytest.MonkeyPatch, ran: list[str]) -> None:
    held = PrerequisiteError("is being built; wait for that process or stop it", id="already-building")

    def lock(target: Target, wait: bool) -> AbstractContextManager[None]:
        if target.id == TARGETS[1]:
            raise held
        return nullcontext()

    monkeypatch.setattr(nox_call, "lock_target", lock)
    states = build(monkeypatch, ran, {})
    assert [(state, code) for state, code, _ in states] == [("built", 0), ("failed", held.exit_code), ("built", 0)]
    with pytest.raises(PrerequisiteError, match="is being built"):
        list(build_targets([make_plan(parse_id(TARGETS[1]))], BuildOptions()))


def test_a_stop_ends_them_all_and_what_was_not_begun_is_still_in_the_queue(
    monkeypatch: pytest.MonkeyPatch, ran: list[str]
) -> None:
    built, stopped, waiting = build(monkeypatch, ran, {TARGETS[1]: StopSignal(15)})
    assert built == ("built", 0, "")
    assert stopped[:2] == ("building", 130)
    assert "the same command resumes" in stopped[2]
    assert waiting[:2] == ("queued", 130)
    assert ran == [*TARGETS[:2]]


def test_a_build_that_stops_in_time_is_the_last(monkeypatch: pytest.MonkeyPatch, ran: list[str]) -> None:
    states = build(monkeypatch, ran, {TARGETS[0]: 130}, minutes=5)
    assert [state for state, _, _ in states] == ["building", "queued", "queued"]
    assert ran == [TARGETS[0]]


def test_when_the_time_of_all_is_over_none_is_begun(monkeypatch: pytest.MonkeyPatch, ran: list[str]) -> None:
    clock = iter([0.0, 299.0, 301.0])
    monkeypatch.setattr("scripts.commands.nox_call.time.time", lambda: next(clock))
    states = build(monkeypatch, ran, {}, minutes=5)
    assert [state for state, _, _ in states] == ["built", "built", "queued"]
    assert "the time given was over" in states[2][2]


def test_a_session_is_handed_its_plan_and_when_all_of_them_must_end(
    monkeypatch: pytest.MonkeyPatch, ran: list[str]
) -> None:
    handed: list[Mapping[str, str]] = []

    def run_nox(command: Command) -> int:
        handed.append(command.env)
        return 0

    monkeypatch.setattr(nox_call, "run_in_front", run_nox)
    before = time.time()
    assert len(list(build_targets([make_plan(parse_id(target)) for target in TARGETS], BuildOptions(minutes=5)))) == 3
    assert len({env[PLANS] for env in handed}) == len(TARGETS)
    [deadline] = {float(env[DEADLINE]) for env in handed}
    assert before + 300 <= deadline <= time.time() + 300
    monkeypatch.setenv(DEADLINE, str(time.time() + 60))
    assert 0 < (seconds_to_compile(5) or 0) <= 60
    monkeypatch.delenv(DEADLINE)
    assert (seconds_to_compile(5), seconds_to_compile(0)) == (300, None)
