"""A wheel that fails its verification says why, from what its programs said."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from scripts.commands import verify_task
from scripts.commands.task_options import VerifyOptions
from scripts.errors import VerifyError
from scripts.verify.check import CheckResult, Report

GOOD = CheckResult(name="names", passed=True, detail="all there")
BAD = CheckResult(name="load_ops", passed=False, detail="exit code 1, last output: (see above)")
SAID = "ImportError: /env/cpu_adam_op.so: undefined symbol: _ZN3c105ErrorC2ENS_14SourceLocationE"


def verified(monkeypatch: pytest.MonkeyPatch, *checks: CheckResult) -> None:
    def run(wheel: Path, *_: object, log: Callable[[str], None], **__: object) -> Report:
        log(SAID)
        return Report(wheel=wheel.name, checks=checks)

    monkeypatch.setattr(verify_task, "verify_wheel", run)
    monkeypatch.setattr(verify_task, "read_promises", lambda wheel: None)


def test_the_cause_stands_below_the_error_and_in_the_document(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    verified(monkeypatch, GOOD, BAD)
    with pytest.raises(VerifyError) as caught:
        verify_task.verify(VerifyOptions(wheel="a.whl", json=True))
    first, second, third, *_ = str(caught.value).splitlines()
    assert first == "a.whl failed load_ops"
    assert (second, third) == ("diagnosis: undefined-symbol (the output of the verification)", f"  {SAID}")
    document = json.loads(capsys.readouterr().out)
    assert (document["diagnosis"]["cause"], document["passed"]) == ("undefined-symbol", False)


def test_the_detail_of_a_failed_check_is_read_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.commands.test_verify_task.SAID", "running load_ops")
    verified(monkeypatch, CheckResult(name="load_ops", passed=False, detail="exit code -4, last output: none"))
    with pytest.raises(VerifyError, match="diagnosis: illegal-instruction"):
        verify_task.verify(VerifyOptions(wheel="a.whl", json=True))


def test_a_wheel_that_passes_has_no_cause(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    verified(monkeypatch, GOOD)
    verify_task.verify(VerifyOptions(wheel="a.whl", json=True))
    assert json.loads(capsys.readouterr().out)["diagnosis"] is None
