"""A plan for programs (one JSON document) and for people (tables)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from rich.table import Column, Table

from scripts.plan.expand import ExcludedTarget, Plan, PlannedTarget
from scripts.plan.notes import Note
from scripts.plan.target import AXES, Target
from scripts.versions import in_order

TITLES = {"deepspeed": "DeepSpeed", "cuda": "CUDA", "python": "Python"}  # of the axes that are not called as they are


@dataclass(frozen=True, kw_only=True)
class JobTotals:
    """What jobs that build what belongs together take."""

    jobs: int
    minutes: float
    newest: tuple[str, JobTotals] | None = None  # the newest release by itself, when those before it are published


def plan_document(plan: Plan, together: JobTotals) -> dict[str, Any]:
    """The plan as one JSON document; a target names its notes, whose texts are given once."""
    return {
        "targets": [
            {
                "id": planned.target.id,
                **_fields(planned.target),
                "tier": planned.priority,
                "minutes": planned.minutes,
                "notes": [note.id for note in planned.notes],
            }
            for planned in plan.targets
        ],
        "omitted": [{**_fields(row.target), "rule": row.rule, "reason": row.reason} for row in plan.excluded],
        "notes": {note.id: _note_fields(note) for note in _notes_of(plan.targets)},
        "jobs": {"count": together.jobs, "minutes": round(together.minutes, 1)},
        **_newest(together),
    }


def _newest(together: JobTotals) -> dict[str, Any]:
    if together.newest is None:
        return {}
    release, totals = together.newest
    return {"newest": {"deepspeed": release, "count": totals.jobs, "minutes": round(totals.minutes, 1)}}


def _fields(target: Target) -> dict[str, str]:
    return {axis: getattr(target, axis) for axis in AXES}


def _note_fields(note: Note) -> dict[str, Any]:
    return {
        "level": note.level,
        "audience": note.audience,
        "text": note.text,
        "hint": note.hint,
        "source": list(note.source),
    }


def _notes_of(targets: Iterable[PlannedTarget]) -> Counter[Note]:
    """Every note, with how many of the targets have it."""
    return Counter(note for planned in targets for note in planned.notes)


def plan_tables(plan: Plan, together: JobTotals, excluded: bool = False) -> tuple[Table | str, ...]:
    """Renderables: targets or excluded combinations, counts per axis, why, what to know, and the totals."""
    shown = [_excluded_table(plan.excluded)] if excluded else [_target_table(plan.targets)] if plan.targets else []
    why = [_rule_table(plan.excluded)] if plan.excluded else []
    notes = [_note_table(counts)] if (counts := _notes_of(plan.targets)) else []
    return (*shown, _axis_table(plan), *why, *notes, summary(plan, together))


def summary(plan: Plan, together: JobTotals) -> str:
    """The totals: what building all takes each by itself, and in jobs of what belongs together."""
    minutes = sum(planned.minutes for planned in plan.targets)
    lines = [
        f"{len(plan.targets)} targets, {len(plan.excluded)} combinations excluded; "
        f"{_in_hours(minutes)} to build all, each by itself"
    ]
    if minutes:
        ratio = together.minutes / minutes
        lines.append(f"in {together.jobs} jobs of what belongs together: {_in_hours(together.minutes)} ({ratio:.2f})")
    if together.newest:
        release, totals = together.newest
        lines.append(
            f"DeepSpeed {release} alone, when those before it are published: {_in_hours(totals.minutes)} "
            f"in {totals.jobs} jobs, since ops that did not change are taken out of their wheels"
        )
    return "\n".join(lines)


def _in_hours(minutes: float) -> str:
    hours, rest = divmod(round(minutes), 60)
    return f"{hours} h {rest} min"


def _combination_table(title: str, *more: str) -> Table:
    """An empty table; rich keeps the rows in its columns, so these are made anew for each."""
    columns = [Column(name, no_wrap=True) for name in ("DeepSpeed", "torch", "CUDA", "platform")]
    return Table(*columns, "Pythons", *(Column(name, overflow="fold") for name in more), title=title)


def _target_table(targets: Sequence[PlannedTarget]) -> Table:
    """One row per target but for the Python, which shares a row with its like."""
    table = _combination_table("targets", "priority", "minutes")
    rows: dict[tuple[str, ...], list[str]] = {}
    for planned in targets:
        target = planned.target
        key = (
            target.deepspeed,
            target.torch,
            target.cuda,
            target.platform,
            str(planned.priority),
            f"{planned.minutes:g}",
        )
        rows.setdefault(key, []).append(target.python)
    for (deepspeed, torch, cuda, platform, priority, minutes), pythons in rows.items():
        table.add_row(deepspeed, torch, cuda, platform, " ".join(pythons), priority, minutes)
    return table


def _excluded_table(excluded: Sequence[ExcludedTarget]) -> Table:
    table = _combination_table("excluded", "rule")
    rows: dict[tuple[str, ...], list[str]] = {}
    for row in excluded:
        target = row.target
        key = (target.deepspeed, target.torch, target.cuda, target.platform, row.rule)
        rows.setdefault(key, []).append(target.python)
    for (deepspeed, torch, cuda, platform, rule), pythons in rows.items():
        table.add_row(deepspeed, torch, cuda, platform, " ".join(pythons), rule)
    return table


def _axis_table(plan: Plan) -> Table:
    table = Table("axis", "value", "targets", "excluded", title="per axis")
    kept = _count(planned.target for planned in plan.targets)
    left = _count(row.target for row in plan.excluded)
    for axis in AXES:
        values = in_order({*kept[axis], *left[axis]})
        for position, value in enumerate(values):
            table.add_row(
                "" if position else TITLES.get(axis, axis),
                value,
                str(kept[axis][value]),
                str(left[axis][value]),
                end_section=position == len(values) - 1,
            )
    return table


def _rule_table(excluded: Sequence[ExcludedTarget]) -> Table:
    table = Table("rule", "excluded", "reason", title="why")
    counts = Counter((row.rule, row.reason) for row in excluded)
    for (rule, reason), count in counts.most_common():
        table.add_row(rule, str(count), reason)
    return table


def _note_table(counts: Counter[Note]) -> Table:
    table = Table("note", "targets", "what to know", title="notes")
    for note, count in counts.most_common():
        table.add_row(note.id, str(count), str(note))
    return table


def _count(targets: Iterable[Target]) -> dict[str, Counter[str]]:
    counts: dict[str, Counter[str]] = {axis: Counter() for axis in AXES}
    for target in targets:
        for axis in AXES:
            counts[axis][getattr(target, axis)] += 1
    return counts
