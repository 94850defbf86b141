"""Every target that was to be built has a result, however nox ended."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path

import pytest

from scripts.command import Command
from scripts.commands import nox_call
from scripts.commands.nox_call import RESULTS, build_targets
from scripts.plan.target import parse_id
from scripts.stop_signals import StopSignal
from scripts.wheel_build.build_options import BuildOptions
from tests.wheel_build.plans import make_plan

TARGETS = tuple(f"ds0.19.8-torch2.13.0-cpu-cp{python}-linux_x86_64" for python in (311, 312))


def build(monkeypatch: pytest.MonkeyPatch, end: BaseException | None) -> list[tuple[str, int, str | None]]:
    """How two targets ended when the first was filed and nox ended so."""

    def run_nox(command: Command) -> int:
        filed = {"target": TARGETS[0], "exit_code": 0, "wheel": "a.whl", "message": None}
        Path(command.env[RESULTS]).write_text(json.dumps(filed) + "\n", encoding="utf-8")
        if end:
            raise end
        return 1

    monkeypatch.setattr(nox_call, "run_in_front", run_nox)
    monkeypatch.setattr(nox_call, "lock_target", lambda target, wait: nullcontext())
    results = build_targets([make_plan(parse_id(target)) for target in TARGETS], BuildOptions())
    return [(result.state, result.exit_code, result.message) for result in results]


def test_a_target_that_a_stop_came_before_goes_on_next_time_and_one_that_was_filed_is_built(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    built, stopped = build(monkeypatch, StopSignal(15))
    assert built == ("built", 0, None)
    assert stopped[:2] == ("building", 130)
    assert "the same command resumes" in str(stopped[2])


def test_a_target_that_nox_lost_is_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    _, lost = build(monkeypatch, None)
    assert lost[:2] == ("failed", 10)
    assert "nox ended before" in str(lost[2])
