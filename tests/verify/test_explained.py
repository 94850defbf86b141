"""Each check of a file explains itself in a line."""

from __future__ import annotations

from pathlib import Path

from scripts.verify.explained import explained_checks
from scripts.verify.static import verify_file
from tests.verify.stub_wheel import make_wheel


def test_every_check_that_a_wheel_is_asked_has_a_line(tmp_path: Path) -> None:
    explained = explained_checks()
    assert {check.name for check in verify_file(make_wheel(tmp_path)).checks} <= explained.keys()
    assert {"runtime calls", "platform tag", "manifest"} <= explained.keys()  # of Windows, of Linux, beside a manifest


def test_each_line_is_a_sentence_of_its_own() -> None:
    lines = list(explained_checks().values())
    assert all(line.endswith(".") and len(line) > 20 for line in lines)
    assert len(set(lines)) == len(lines)
