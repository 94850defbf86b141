"""The table of DeepSpeed's parts: how each ended last on each kind of wheel of the newest release that has some."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from packaging.version import Version

from scripts.facts.verification_parts import GROUPS, Parts, VerificationPart
from scripts.index.page.proven import skip_reason
from scripts.index.page.status import KINDS, TITLES
from scripts.plan.target import Target
from scripts.wheel.record import WheelRecord


@dataclass(frozen=True, kw_only=True)
class LastResult:
    """How a part ended on the newest wheel of a kind that says so."""

    passed: bool
    target: Target
    reason: str = ""  # of a skipped one


@dataclass(frozen=True, kw_only=True)
class PartLine:
    """One part; a result per kind of wheel, None where no wheel says anything of it."""

    part: VerificationPart
    results: tuple[LastResult | None, ...]


@dataclass(frozen=True, kw_only=True)
class PartsTable:
    """The lines of one release, in the order of the data."""

    deepspeed: str
    lines: tuple[PartLine, ...]


def parts_table(records: Iterable[WheelRecord], rows: Parts) -> PartsTable | None:
    """The table of the newest release among wheels whose manifests name parts; None when there is none."""
    told = [record for record in records if record.verification and record.verification.parts]
    if not told:
        return None
    newest = max((record.target.deepspeed for record in told), key=Version)
    own = [record for record in told if record.target.deepspeed == newest]
    kinds = [_of_kind(own, *kind) for kind in KINDS]
    lines = (PartLine(part=row, results=tuple(last_result(row.name, kind) for kind in kinds)) for row in rows.values())
    shown = tuple(line for line in lines if line.part.level != "gpu" or any(line.results))
    return PartsTable(deepspeed=newest, lines=shown)


def _of_kind(records: Iterable[WheelRecord], platform: str, accelerator: str) -> list[WheelRecord]:
    """Those of the kind, the newest first."""
    own = [
        record
        for record in records
        if record.target.platform == platform and (record.target.cuda == "cpu") is (accelerator == "cpu")
    ]
    return sorted(own, key=lambda record: (record.uploaded or "", record.target.sort_key()), reverse=True)


def last_result(part: str, records: Sequence[WheelRecord]) -> LastResult | None:
    """How the part ended on the first of the wheels on which it ran, else why it was skipped on the first."""
    for record in records:
        if record.verification and part in record.verification.parts:
            return LastResult(passed=True, target=record.target)
    for record in records:
        if record.verification and (reason := skip_reason(record.verification, part)):
            return LastResult(passed=False, target=record.target, reason=reason)
    return None


def parts_html(table: PartsTable) -> str:
    """The table for the page; a result is a link to the wheel that it is of."""
    kinds = [index for index in range(len(KINDS)) if any(line.results[index] for line in table.lines)]
    heads = "".join(f'<th scope="col">{title}</th>' for title in ("Part", *(TITLES[index] for index in kinds)))
    bodies = "\n".join(
        _group_html(title, [line for line in table.lines if line.part.group == group], kinds)
        for group, title in GROUPS.items()
    )
    return f'<table class="status parts">\n<thead><tr>{heads}</tr></thead>\n{bodies}\n</table>'


def _group_html(title: str, lines: Sequence[PartLine], kinds: Sequence[int]) -> str:
    head = f'<tr><th scope="rowgroup" colspan="{len(kinds) + 1}">{title}</th></tr>'
    return "\n".join(["<tbody>", head, *(_line_html(line, kinds) for line in lines), "</tbody>"]) if lines else ""


def _line_html(line: PartLine, kinds: Sequence[int]) -> str:
    cells = "".join(f"<td>{_result_html(line.results[index])}</td>" for index in kinds)
    proves = escape(line.part.proves.replace("`", ""))
    return f'<tr><th scope="row">{escape(line.part.name)}<span class="proves">{proves}</span></th>{cells}</tr>'


def _result_html(result: LastResult | None) -> str:
    if result is None:
        return '<span class="none">not run</span>'
    if not result.passed:
        return f'<span class="none">skipped: {escape(result.reason)}</span>'
    return f'<a class="count all" href="?id={escape(result.target.id)}">✓ passed</a>'
