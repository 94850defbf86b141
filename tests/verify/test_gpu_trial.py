"""The trial on a GPU: what a part's program prints becomes a report, and no part stops the others."""

from __future__ import annotations

import importlib
import json
import sys
import time
from pathlib import Path

import pytest

from scripts.command import Outcome
from scripts.errors import InputError
from scripts.verify import gpu_trial
from scripts.verify.check import CheckResult
from scripts.verify.gpu_trial import SUITE, Trial, chosen, find_line, read_checks, run_part, run_trial
from scripts.verify.trial_parts import Part, trial_parts
from scripts.verify.trial_report import TITLES, PartResult, TrialReport

PART = Part(group="op", name="quantizer", program="trial/kernels")


def make_check(name: str = "8 bits", passed: bool | None = True, detail: str = "moved by 0.9 steps") -> CheckResult:
    return CheckResult(name=name, passed=passed, detail=detail)


def make_result(*checks: CheckResult, part: Part = PART) -> PartResult:
    return PartResult(part=part, checks=checks or (make_check(),), seconds=4.2)


def make_report(*results: PartResult) -> TrialReport:
    facts = {"card": {"name": "made up", "driver": "1.2", "memory": "8 GiB", "architecture": "9.0"}, "torch": "2.11.0"}
    return TrialReport(wheel="deepspeed.whl", facts=facts, results=results or (make_result(),), seconds=61.0)


def make_outcome(output: str, exit_code: int = 0) -> Outcome:
    return Outcome(exit_code=exit_code, seconds=1.0, peak_bytes=0, output=output)


def make_trial(tmp_path: Path, seconds: float = 60.0) -> Trial:
    return Trial(
        python=Path(sys.executable), folder=tmp_path, accelerator="cuda", jobs=2, deadline=time.monotonic() + seconds
    )


def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> Part:
    monkeypatch.setattr(gpu_trial, "SUITE", tmp_path)
    (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    return Part(group="part", name=name, program=name, seconds=20.0)


# ---------------------------------------------------------------- the table of parts


def test_each_part_has_its_own_name() -> None:
    names = [part.name for part in trial_parts()]
    assert len(set(names)) == len(names)


def test_each_part_has_a_program_that_is_there() -> None:
    programs = {part.program for part in trial_parts() if not part.program.startswith("-m ")}
    assert {program for program in programs if not (SUITE / f"{program}.py").is_file()} == set()


def test_each_program_of_the_trial_knows_its_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in (SUITE, SUITE / "trial"):
        monkeypatch.syspath_prepend(str(folder))
    for program in sorted({part.program for part in trial_parts() if part.arguments}):
        known = importlib.import_module(program.removeprefix("trial/")).PARTS
        assert {part.name for part in trial_parts() if part.program == program} <= set(known), program


def test_each_group_has_a_title() -> None:
    assert {part.group for part in trial_parts()} == set(TITLES)


def test_parts_are_chosen_by_name() -> None:
    assert [part.name for part in chosen("zero-2,utils")] == ["utils", "zero-2"]
    assert chosen("") == trial_parts()


def test_a_name_that_is_no_part_is_an_error_that_names_the_parts() -> None:
    with pytest.raises(InputError, match=r"no part is called zero-9; .*zero-3"):
        chosen("zero-9")


# ---------------------------------------------------------------- what a program prints


def test_the_last_document_of_its_key_counts() -> None:
    output = '{"checks": [1]}\n{"checks": [2]}\n{"facts": {}}\n{"checks": broken\n'
    assert find_line(output, "checks") == [2]
    assert find_line(output, "other") is None


def test_checks_keep_their_reason_and_their_seconds() -> None:
    entry = {"name": "8 bits", "passed": None, "detail": "not in this wheel", "seconds": 0.5}
    (check,) = read_checks(PART, make_outcome("noise\n" + json.dumps({"checks": [entry]})), ())
    assert (check.passed, check.detail, check.seconds) == (None, "not in this wheel", 0.5)


def test_a_program_that_says_nothing_has_failed() -> None:
    (check,) = read_checks(PART, make_outcome("Segmentation fault", exit_code=-11), ())
    assert check.passed is False
    assert "exit code -11" in check.detail
    assert "Segmentation fault" in check.detail


def test_a_bad_end_fails_a_part_whose_checks_passed() -> None:
    output = json.dumps({"checks": [{"name": "8 bits", "passed": True, "detail": ""}]})
    result = make_result(*read_checks(PART, make_outcome(output, exit_code=1), ()))
    assert result.passed is False


# ---------------------------------------------------------------- running


def test_a_part_that_fails_or_hangs_stops_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = program(
        tmp_path, monkeypatch, "good", """print('{"checks": [{"name": "a", "passed": true, "detail": ""}]}')"""
    )
    bad = program(tmp_path, monkeypatch, "bad", "raise SystemExit(3)")
    slow = Part(**{**program(tmp_path, monkeypatch, "slow", "import time; time.sleep(60)").__dict__, "seconds": 1.0})
    logged: list[str] = []
    results = run_trial(make_trial(tmp_path), (bad, slow, good), (), logged.append)
    assert [result.passed for result in results] == [False, False, True]
    assert "longer than 1 s" in results[1].words
    assert len(logged) == 3


def test_a_part_for_which_no_time_is_left_is_skipped(tmp_path: Path) -> None:
    result = run_part(make_trial(tmp_path, seconds=0.0), PART, (), lambda line: None)
    assert result.passed is None
    assert result.words == f"{PART.name}: no time was left"


def test_a_part_that_runs_when_the_time_of_all_is_over_has_not_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = program(tmp_path, monkeypatch, "slow", "import time; time.sleep(60)")
    result = run_part(make_trial(tmp_path, seconds=1.5), slow, (), lambda line: None)
    assert (result.passed, "time was over" in result.words) == (None, True)


def test_programs_find_the_suite_and_reach_no_network(tmp_path: Path) -> None:
    command = make_trial(tmp_path).command(PART)
    assert command.argv[1:] == (str(SUITE / "trial/kernels.py"), "quantizer")
    assert command.env["PYTHONPATH"] == str(SUITE)
    assert command.env["HF_HUB_OFFLINE"] == "1"
    assert command.cwd == tmp_path / "quantizer"


# ---------------------------------------------------------------- the report


def test_a_part_is_skipped_only_when_all_of_it_is() -> None:
    skipped = make_check(passed=None, detail="no GPU")
    assert make_result(skipped).passed is None
    assert make_result(skipped, make_check()).passed is True
    assert make_result(skipped, make_check(passed=False)).passed is False


def test_a_report_of_skipped_parts_has_not_passed() -> None:
    assert make_report().passed
    assert not make_report(make_result(make_check(passed=None))).passed
    assert not make_report(make_result(), make_result(make_check(passed=False))).passed


def test_markdown_names_the_card_and_why_a_part_failed() -> None:
    text = make_report(make_result(make_check(), make_check("4 bits", False, "a | b\nc"))).as_markdown()
    assert "1 parts in 61 s: 0 passed, 1 failed, 0 skipped." in text
    assert "| card | made up 8 GiB |" in text
    assert "| quantizer | **failed** | 4 | 1 of 2 checks; 4 bits: a \\| b c |" in text
    assert "## Workloads" not in text


def test_json_has_every_check() -> None:
    document = json.loads(make_report().as_json())
    (part,) = document["parts"]
    assert document["passed"] is True
    assert (part["group"], part["name"], part["passed"], part["seconds"]) == ("op", "quantizer", True, 4.2)
    assert part["checks"][0]["detail"] == "moved by 0.9 steps"
