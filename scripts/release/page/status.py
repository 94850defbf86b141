"""The status table: per DeepSpeed release and kind of wheel, how many are published of how many are planned."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import TypeAlias
from urllib.parse import urlencode

from packaging.version import Version

from scripts.errors import InputError
from scripts.matrix.plan import Plan
from scripts.matrix.target import Target
from scripts.release.record import WheelRecord

KINDS = (("win_amd64", "cuda"), ("win_amd64", "cpu"), ("linux_x86_64", "cuda"), ("linux_x86_64", "cpu"))
Kind: TypeAlias = tuple[str, str, str]  # DeepSpeed, platform, accelerator
BEGIN, END = "<!-- wheels -->", "<!-- /wheels -->"  # what a Markdown document marks the place of the table with
TITLES = ("Windows, CUDA", "Windows, CPU", "Linux, CUDA", "Linux, CPU")


@dataclass(frozen=True, kw_only=True)
class Count:
    """One cell of the table."""

    published: int
    planned: int  # those that are published among them

    @property
    def words(self) -> str:
        """`12 of 40`."""
        return f"{self.published} of {self.planned}"


@dataclass(frozen=True, kw_only=True)
class StatusRow:
    """One DeepSpeed release: a count per kind; None where nothing can exist."""

    deepspeed: str
    counts: tuple[Count | None, ...]


def status_rows(records: Iterable[WheelRecord], plan: Plan) -> tuple[StatusRow, ...]:
    """The table's rows, the newest DeepSpeed first."""
    there = {_cell(record.target) for record in records}
    published = Counter(map(_kind, there))
    wanted = Counter(map(_kind, there | {_cell(row.target) for row in plan.targets}))
    releases = sorted({deepspeed for deepspeed, _, _ in wanted}, key=Version, reverse=True)
    return tuple(StatusRow(deepspeed=release, counts=_counts(release, published, wanted)) for release in releases)


def status_html(rows: Sequence[StatusRow]) -> str:
    """The table for the page; every count is a link that the page understands."""
    heads = "".join(f'<th scope="col">{title}</th>' for title in ("DeepSpeed", *TITLES))
    body = "\n".join(_html_row(row) for row in rows)
    return f'<table class="status">\n<thead><tr>{heads}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>'


def status_markdown(rows: Sequence[StatusRow]) -> str:
    """The table for a README."""
    lines = [f"| DeepSpeed | {' | '.join(TITLES)} |", "| --- " * (len(TITLES) + 1) + "|"]
    lines += [
        f"| {row.deepspeed} | {' | '.join(count.words if count else 'none' for count in row.counts)} |" for row in rows
    ]
    return "\n".join(lines) + "\n"


def renew_table(text: str, table: str, name: str) -> str:
    """The text of the document called `name` with `table` between its two marks; InputError when one is missing."""
    parts = re.split(f"({re.escape(BEGIN)}\n).*?({re.escape(END)}\n)", text, flags=re.DOTALL)
    if len(parts) != 4:
        raise InputError(f"{name}: write the lines {BEGIN} and {END} once, where the table belongs")
    before, begin, end, after = parts
    return f"{before}{begin}{table}{end}{after}"


def _cell(target: Target) -> tuple[str, str, str, str, str]:
    return target.deepspeed, target.platform, target.cuda, target.torch_minor, target.python


def _kind(cell: tuple[str, str, str, str, str]) -> Kind:
    return cell[0], cell[1], "cpu" if cell[2] == "cpu" else "cuda"


def _counts(release: str, published: Counter[Kind], wanted: Counter[Kind]) -> tuple[Count | None, ...]:
    kinds = [(release, platform, accelerator) for platform, accelerator in KINDS]
    return tuple(Count(published=published[kind], planned=wanted[kind]) if wanted[kind] else None for kind in kinds)


def _html_row(row: StatusRow) -> str:
    cells = "".join(f"<td>{_html_count(row, *kind, count)}</td>" for kind, count in zip(KINDS, row.counts, strict=True))
    return f'<tr><th scope="row">{escape(row.deepspeed)}</th>{cells}</tr>'


def _html_count(row: StatusRow, platform: str, accelerator: str, count: Count | None) -> str:
    if count is None:
        return '<span class="none">none</span>'
    share = "all" if count.published == count.planned else "some" if count.published else "no"
    query = {"deepspeed": row.deepspeed, "platform": platform, **({"cuda": "cpu"} if accelerator == "cpu" else {})}
    return f'<a class="count {share}" href="?{escape(urlencode(query))}">{count.words}</a>'
