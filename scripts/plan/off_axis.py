"""Why a value is on no axis of the matrix: a row says it, or the rules refuse each combination that would have it."""

from __future__ import annotations

import re
from collections import Counter
from fnmatch import fnmatchcase

from scripts.facts.facts import Facts
from scripts.plan.context import FOLLOWS_FROM
from scripts.plan.expand import Ruling, axes_behind, axes_of, combinations, expand, refusals
from scripts.plan.matrix import Matrix
from scripts.versions import minor_of


def why_off_axis(axis: str, value: str, matrix: Matrix, facts: Facts) -> str | None:
    """The reason; None where nothing speaks against the value but that the matrix does not name it."""
    row = why_never(axis, value, facts)
    if row or not _is_known(axis, value, facts):
        return row
    axes = {**axes_of(matrix, facts), axis: (value,)}
    about = {ruling.id: ruling for ruling in refusals(matrix, facts) if axis in _axes(ruling)}
    any_target = next(combinations(axes))
    for ruling in about.values():
        if _axes(ruling) == (axis,) and ruling.when.holds(matrix.context_of(any_target, facts)):
            return _with_rule(ruling)
    plan = expand(matrix, facts, axes=axes)
    met = Counter(row.rule for row in plan.excluded if row.rule in about)
    return _with_rule(about[met.most_common(1)[0][0]]) if met and not plan.targets else None


def why_never(axis: str, value: str, facts: Facts) -> str | None:
    """What a row says of values that rules cannot be asked about: other processors, systems and accelerators."""
    rows = (row for row in facts.off_axis if row.axis == axis)
    return next((row.reason for row in rows if any(fnmatchcase(value.lower(), each) for each in row.values)), None)


def reasons_of_absence(facts: Facts) -> list[tuple[str, tuple[str, ...], str]]:
    """For whoever cannot ask the rules: an axis, values on none, with * for any text, and why no wheel has them."""
    rows = [(row.axis, row.values, row.reason) for row in facts.off_axis]
    return [*rows, ("python", ("*t",), why_free_threaded(facts))]


def why_free_threaded(facts: Facts) -> str:
    """What the rule says of Pythons without the lock."""
    return next((row.reason for row in facts.rules if row.id == "free-threaded"), "")


def _axes(ruling: Ruling) -> tuple[str, ...]:
    """The axes that it follows from; none of one that waits for what only a build knows."""
    return axes_behind(ruling.when) if ruling.when.names <= FOLLOWS_FROM.keys() else ()


def _with_rule(ruling: Ruling) -> str:
    return f"{ruling.reason.rstrip('.')} (rule {ruling.id})"


def _is_known(axis: str, value: str, facts: Facts) -> bool:
    """Whether the facts hold what rules ask of such a value."""
    if axis == "cuda":
        return bool(re.fullmatch(r"cu\d{3}", value))
    if axis == "torch":
        return minor_of(value) in facts.torch
    return value in {"python": facts.pythons, "deepspeed": facts.deepspeed}.get(axis, ())
