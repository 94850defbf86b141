"""The status table: per DeepSpeed release and kind of wheel, how many are published of how many are planned."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from types import MappingProxyType
from typing import TypeAlias
from urllib.parse import urlencode

from packaging.version import Version

from scripts.errors import InputError
from scripts.index.page.grid import coordinates
from scripts.index.page.states import Build, unpublished
from scripts.plan.expand import Plan
from scripts.wheel.record import WheelRecord

KINDS = (("win_amd64", "cuda"), ("win_amd64", "cpu"), ("linux_x86_64", "cuda"), ("linux_x86_64", "cpu"))
Kind: TypeAlias = tuple[str, str, str]  # DeepSpeed, platform, accelerator
TITLES = ("Windows, CUDA", "Windows, CPU", "Linux, CUDA", "Linux, CPU")


@dataclass(frozen=True, kw_only=True)
class Count:
    """One cell of the table."""

    published: int
    planned: int  # those that are published among them
    failed: tuple[str, ...] = ()  # target ids, as the next
    building: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """`12 of 40`."""
        return f"{self.published} of {self.planned}"

    @property
    def others(self) -> dict[str, str]:
        """`3 failed` and `2 building`, as far as there are any, each with the first one's id."""
        found = {"failed": self.failed, "building": self.building}
        return {f"{len(ids)} {state}": ids[0] for state, ids in found.items() if ids}


@dataclass(frozen=True, kw_only=True)
class StatusRow:
    """One DeepSpeed release: a count per kind; None where nothing can exist."""

    deepspeed: str
    counts: tuple[Count | None, ...]


def status_rows(
    records: Iterable[WheelRecord], plan: Plan, builds: Mapping[str, Build] = MappingProxyType({})
) -> tuple[StatusRow, ...]:
    """The table's rows, the newest DeepSpeed first; `builds` by target id, of which published ones do not count."""
    targets = [record.target for record in records]
    there = {coordinates(target) for target in targets}
    published = Counter(map(_kind, there))
    wanted = Counter(map(_kind, there | {coordinates(row.target) for row in plan.targets}))
    going: dict[tuple[Kind, str], list[str]] = defaultdict(list)
    for target, build in unpublished(builds, targets).items():
        going[_kind(coordinates(target)), build.state].append(target.id)

    def count(kind: Kind) -> Count | None:
        failed, building = (tuple(going[kind, state]) for state in ("failed", "building"))
        found = Count(published=published[kind], planned=wanted[kind], failed=failed, building=building)
        return found if wanted[kind] else None

    releases = sorted({deepspeed for deepspeed, _, _ in wanted}, key=Version, reverse=True)
    return tuple(StatusRow(deepspeed=name, counts=tuple(count((name, *kind)) for kind in KINDS)) for name in releases)


def status_html(rows: Sequence[StatusRow]) -> str:
    """The table for the page; every count is a link that the page understands."""
    heads = "".join(f'<th scope="col">{title}</th>' for title in ("DeepSpeed", *TITLES))
    body = "\n".join(_html_row(row) for row in rows)
    return f'<table class="status">\n<thead><tr>{heads}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>'


def status_markdown(rows: Sequence[StatusRow]) -> str:
    """The table for a README."""
    lines = [f"| DeepSpeed | {' | '.join(TITLES)} |", "| --- " * (len(TITLES) + 1) + "|"]
    lines += [f"| {row.deepspeed} | {' | '.join(map(_markdown_count, row.counts))} |" for row in rows]
    return "\n".join(lines) + "\n"


def renew_table(text: str, table: str, name: str, what: str = "wheels") -> str:
    """The text of the document called `name` with `table` between its marks; InputError when one is missing."""
    begin, end = f"<!-- {what} -->", f"<!-- /{what} -->"
    parts = re.split(f"({re.escape(begin)}\n).*?({re.escape(end)}\n)", text, flags=re.DOTALL)
    if len(parts) != 4:
        raise InputError(
            f"{name}: write the lines {begin} and {end} once, where the table belongs", id="table-marks-missing"
        )
    before, begun, ended, after = parts
    return f"{before}{begun}{table}{ended}{after}"


def _markdown_count(count: Count | None) -> str:
    return ", ".join([count.words, *count.others]) if count else "none"


def _kind(values: tuple[str, str, str, str, str]) -> Kind:
    deepspeed, _, cuda, _, platform = values
    return deepspeed, platform, "cpu" if cuda == "cpu" else "cuda"


def _html_row(row: StatusRow) -> str:
    cells = "".join(f"<td>{_html_count(row, *kind, count)}</td>" for kind, count in zip(KINDS, row.counts, strict=True))
    return f'<tr><th scope="row">{escape(row.deepspeed)}</th>{cells}</tr>'


def _html_count(row: StatusRow, platform: str, accelerator: str, count: Count | None) -> str:
    if count is None:
        return '<span class="none">none</span>'
    share = "all" if count.published == count.planned else "some" if count.published else "no"
    query = {"deepspeed": row.deepspeed, "platform": platform, **({"cuda": "cpu"} if accelerator == "cpu" else {})}
    link = f'<a class="count {share}" href="?{escape(urlencode(query))}">{count.words}</a>'
    others = ", ".join(f'<a href="?id={escape(target)}">{words}</a>' for words, target in count.others.items())
    return link + (f'<span class="others">{others}</span>' if others else "")
