"""A plan for programs (one JSON document) and for people (tables)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from rich.table import Table

from scripts.matrix.context import AXES
from scripts.matrix.plan import Omission, Plan, PlannedTarget
from scripts.matrix.target import Target

TITLES = {"deepspeed": "DeepSpeed", "torch": "torch", "cuda": "CUDA", "python": "Python", "platform": "platform"}


def plan_document(plan: Plan) -> dict[str, list[dict[str, Any]]]:
    """The plan as one JSON document."""
    return {
        "targets": [
            {"id": planned.target.id, **asdict(planned.target), "tier": planned.tier, "minutes": planned.minutes}
            for planned in plan.targets
        ],
        "omitted": [
            {**asdict(omission.target), "rule": omission.rule, "reason": omission.reason} for omission in plan.omitted
        ],
    }


def plan_tables(plan: Plan, omitted: bool = False) -> tuple[Table | str, ...]:
    """Renderables: the targets or the omitted cells, counts per axis, omissions per rule, and one line of totals."""
    detail = _omitted_table(plan.omitted) if omitted else _target_table(plan.targets)
    return (detail, _axis_table(plan), *([_rule_table(plan.omitted)] if plan.omitted else []), summary(plan))


def summary(plan: Plan) -> str:
    """The totals in one line."""
    minutes = sum(planned.minutes for planned in plan.targets)
    hours, rest = divmod(round(minutes), 60)
    return f"{len(plan.targets)} targets, {len(plan.omitted)} combinations omitted; {hours} h {rest} min to build all"


def _target_table(targets: Sequence[PlannedTarget]) -> Table:
    """One row per cell but for the Python, which shares a row with its like."""
    table = Table("DeepSpeed", "torch", "CUDA", "platform", "Pythons", "tier", "minutes each", title="targets")
    rows: dict[tuple[str, ...], list[str]] = {}
    for planned in targets:
        target = planned.target
        key = (target.deepspeed, target.torch, target.cuda, target.platform, str(planned.tier), f"{planned.minutes:g}")
        rows.setdefault(key, []).append(target.python)
    for (deepspeed, torch, cuda, platform, tier, minutes), pythons in rows.items():
        table.add_row(deepspeed, torch, cuda, platform, " ".join(pythons), tier, minutes)
    return table


def _omitted_table(omitted: Sequence[Omission]) -> Table:
    table = Table("DeepSpeed", "torch", "CUDA", "platform", "Pythons", "rule", title="omitted")
    rows: dict[tuple[str, ...], list[str]] = {}
    for omission in omitted:
        target = omission.target
        key = (target.deepspeed, target.torch, target.cuda, target.platform, omission.rule)
        rows.setdefault(key, []).append(target.python)
    for (deepspeed, torch, cuda, platform, rule), pythons in rows.items():
        table.add_row(deepspeed, torch, cuda, platform, " ".join(pythons), rule)
    return table


def _axis_table(plan: Plan) -> Table:
    table = Table("axis", "value", "targets", "omitted", title="per axis")
    kept = _count(planned.target for planned in plan.targets)
    left = _count(omission.target for omission in plan.omitted)
    for axis in AXES:
        values = list(dict.fromkeys([*kept[axis], *left[axis]]))
        for position, value in enumerate(values):
            table.add_row(
                "" if position else TITLES[axis], value, str(kept[axis][value]), str(left[axis][value]),
                end_section=position == len(values) - 1,
            )  # fmt: skip
    return table


def _rule_table(omitted: Sequence[Omission]) -> Table:
    table = Table("rule", "omitted", "reason", title="why")
    counts = Counter((omission.rule, omission.reason) for omission in omitted)
    for (rule, reason), count in counts.most_common():
        table.add_row(rule, str(count), reason)
    return table


def _count(targets: Iterable[Target]) -> dict[str, Counter[str]]:
    counts: dict[str, Counter[str]] = {axis: Counter() for axis in AXES}
    for target in targets:
        for axis in AXES:
            counts[axis][getattr(target, axis)] += 1
    return counts
