"""How a run's builds ended, as the table that GitHub shows on its page and as annotations."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.ci.actions import annotation
from scripts.ci.results import Result
from scripts.wheel.manifest import manifest_path
from scripts.wheel.wheelhouse import wheel_in

KINDS = {"failed": "error", "building": "notice"}
WORDS = {
    "built": "built",
    "building": "stopped in time, goes on in the next run",
    "queued": "not begun, comes in the next run",
    "failed": "failed",
}


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a wheel took, from its manifest."""

    minutes: float
    ops: int
    cached: int


@dataclass(frozen=True, kw_only=True)
class SummaryRow:
    """One target of the summary."""

    result: Result
    cost: Cost | None

    @property
    def told(self) -> str:
        """What went wrong, and the likeliest cause where one is known."""
        return "\n".join([self.result.first_lines, *self.result.cause_lines])

    @property
    def repeat(self) -> str:
        """The line that builds the target again."""
        return f"invoke build --id {self.result.target}" + (f" --ops {self.result.ops}" if self.result.ops else "")


def rows(results: Iterable[Result], wheelhouse: Path) -> tuple[SummaryRow, ...]:
    """The results with what each wheel took, failed ones first."""
    order = {"failed": 0, "building": 1, "queued": 2, "built": 3}
    found = [SummaryRow(result=result, cost=_cost(result, wheelhouse)) for result in results]
    return tuple(sorted(found, key=lambda row: (order[row.result.state], row.result.target)))


def markdown(found: Sequence[SummaryRow], run_url: str = "") -> str:
    """The summary: a sentence, the table, and per failed target first error lines, cause and a line that repeats it.

    With the address of a run there is one more, which repeats it with the packages that the job had.
    """
    table = ["| target | result | minutes | ops from the cache |", "| --- | --- | --- | --- |"]
    table += [f"| `{row.result.target}` | {_outcome(row.result)} | {_minutes(row)} | {_hits(row)} |" for row in found]
    return "\n".join([f"### {sentence(found)}", "", *table, "", *_details(found, run_url)]) + "\n"


def sentence(found: Sequence[SummaryRow]) -> str:
    """`2 built, 1 failed`."""
    counts = Counter[str](row.result.state for row in found)
    states = ("built", "building", "queued", "failed")
    return ", ".join(f"{counts[state]} {state}" for state in states if counts[state])


def run_annotations(found: Sequence[SummaryRow]) -> tuple[str, ...]:
    """An annotation for each target without a wheel, which GitHub shows on the page of the run."""
    return tuple(
        annotation(KINDS[row.result.state], row.result.target, "\n".join([row.told, row.repeat]))
        for row in found
        if row.result.state in KINDS
    )


def home_line(target: str, run_url: str) -> str:
    """The line that repeats a failed job of a run elsewhere, from its replay file."""
    return f"invoke reproduce {run_url} --id {target}"


def _details(found: Sequence[SummaryRow], run_url: str) -> list[str]:
    lines: list[str] = []
    for row in found:
        if row.result.state == "failed":
            fence = _fence(row.told)
            lines += [f"#### {row.result.target}", "", fence, row.told, fence, "", "Repeat it:", ""]
            at_home = [home_line(row.result.target, run_url)] if run_url else []
            lines += [fence, row.repeat, *at_home, fence, ""]
    return lines


def _fence(text: str) -> str:
    """A fence that nothing in the text ends: what compilers print has backquotes of its own."""
    return "`" * max(4, 1 + max((len(run) for run in re.findall("`+", text)), default=0))


def _outcome(result: Result) -> str:
    more = f", exit code {result.exit_code}" if result.state == "failed" else f", {result.subset}"
    return WORDS[result.state] + more.removesuffix(", ")


def _minutes(row: SummaryRow) -> str:
    return f"{row.cost.minutes:.1f}" if row.cost else ""


def _hits(row: SummaryRow) -> str:
    return f"{row.cost.cached} of {row.cost.ops}" if row.cost else ""


def _cost(result: Result, wheelhouse: Path) -> Cost | None:
    """What the manifest beside the target's wheel holds; None when there is none, or it lacks the figures."""
    if result.state != "built":
        return None
    wheel = wheel_in(wheelhouse / result.parsed_target.folder, result.parsed_target)
    if wheel is None:
        return None
    try:
        document = json.loads(manifest_path(wheel).read_bytes())
        return Cost(minutes=document["seconds"]["total"] / 60, ops=len(document["ops"]), cached=document["cache_hits"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
