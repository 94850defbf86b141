from __future__ import annotations

from io import StringIO

from scripts.console import PlainConsole
from scripts.verify.check import CheckResult, Report


def make_report(*answers: bool | None) -> Report:
    checks = tuple(CheckResult(name=f"check {i}", passed=p, detail=f"why [{i}]") for i, p in enumerate(answers))
    return Report(wheel="x.whl", checks=checks)


def test_a_report_passes_when_something_passed_and_nothing_failed() -> None:
    assert make_report(True, None).passed
    assert not make_report(True, False).passed


def test_skipped_is_not_passed() -> None:
    assert not make_report(None, None).passed
    assert not make_report().passed


def test_the_document_keeps_skipped_apart_from_failed() -> None:
    document = make_report(None, False).as_document()
    assert document["passed"] is False
    assert document["checks"] == [
        {"name": "check 0", "passed": None, "detail": "why [0]", "seconds": 0.0},
        {"name": "check 1", "passed": False, "detail": "why [1]", "seconds": 0.0},
    ]


def test_the_table_shows_every_result_with_its_reason_as_written() -> None:
    written = StringIO()
    PlainConsole(file=written, width=120).print(make_report(True, False, None).as_table())
    text = " ".join(written.getvalue().split())
    assert all(word in text for word in ("x.whl: 1 passed, 1 failed, 1 skipped", "FAILED", "why [2]"))


def test_a_line_has_the_seconds_of_what_was_not_skipped() -> None:
    passed, skipped = (CheckResult(name="ops", passed=p, detail="[2]", seconds=1.26) for p in (True, None))
    assert (passed.as_line(), skipped.as_line()) == ("ops: passed in 1.3 s ([2])", "ops: skipped ([2])")
