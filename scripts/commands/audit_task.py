"""Reading wheels: whether their files are what they say. Light to import and without anything that builds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from scripts.commands.answer import print_answer, print_document
from scripts.commands.explained_error import explained, heard_cause
from scripts.commands.verify_options import AuditOptions
from scripts.diagnose.named_cause import NamedCause
from scripts.errors import VerifyError
from scripts.verify.check import CheckResult, Report
from scripts.verify.levels import verify_wheel
from scripts.verify.promises import read_promises


@dataclass(frozen=True, kw_only=True)
class Verified:
    """The report on one wheel, and why it failed."""

    report: Report
    cause: NamedCause | None

    def as_document(self) -> dict[str, Any]:
        """The report for JSON, with its diagnosis."""
        return {**self.report.as_document(), "diagnosis": asdict(self.cause) if self.cause else None}


def audit(options: AuditOptions) -> None:
    """Print the checks of a wheel's file; raises VerifyError when one fails."""
    heard: list[str] = []
    found = judged(read_wheel(Path(options.wheel), heard), heard)
    if not options.json:
        print_answer(found.report.as_table())
    answer([found], as_json=options.json)


def read_wheel(wheel: Path, heard: list[str], *more: CheckResult) -> Report:
    """The report on the file alone, and what is known beside it."""
    report = verify_wheel(wheel, promises=read_promises(wheel), log=heard.append)
    return replace(report, checks=(*report.checks, *more))


def judged(report: Report, heard: Sequence[str]) -> Verified:
    """The report, and the likeliest cause when it failed."""
    failed = [f"{check.name}: {check.detail}" for check in report.failed]
    cause = heard_cause([*heard, *failed], "the output of the verification") if failed else None
    return Verified(report=report, cause=cause)


def answer(found: Sequence[Verified], *, as_json: bool) -> None:
    """Print what stands at the end; raises VerifyError when a wheel failed."""
    failed = [each for each in found if not each.report.passed]
    if as_json:
        documents = [each.as_document() for each in found]
        print_document(documents[0] if len(documents) == 1 else {"passed": not failed, "wheels": documents})
    elif len(found) > 1:
        print_answer("\n".join(each.report.summary for each in found))
    if not failed:
        return
    try:
        failed[0].report.require()
    except VerifyError as error:
        others = f"; {len(failed)} of {len(found)} wheels failed" if len(found) > 1 else ""
        raise explained(VerifyError(f"{error}{others}", id=error.id), failed[0].cause) from None
