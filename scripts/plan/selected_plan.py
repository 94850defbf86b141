"""`plan_of`: the part of the matrix that a user means, in the words that people type."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from packaging.version import Version

from scripts.errors import InputError, NothingToDoError
from scripts.facts.facts import Facts
from scripts.options import split_words
from scripts.plan.expand import Axes, ExcludedTarget, Plan, axes_of, expand, narrowed
from scripts.plan.matrix import Matrix
from scripts.plan.off_axis import why_off_axis
from scripts.plan.selection import Selection
from scripts.plan.target import AXES, ID, Target, parse_id
from scripts.versions import SYSTEMS, in_order, minor_of

SHOWN = 5  # targets or values that a message names before it says how many more there are
AXIS_OF = {"py": "python"}  # selectors whose field of a target has another name


def plan_of(
    matrix: Matrix,
    facts: Facts,
    selection: Selection,
    measured: Mapping[str, float] | None = None,
    *,
    or_excluded: bool = False,
) -> Plan:
    """The part of the matrix's plan that the selection means; only what it can mean is expanded.

    Raises InputError for a value that the matrix does not have, NothingToDoError when no target is left; with
    `or_excluded`, a plan of excluded targets alone will do.
    """
    axes = axes_of(matrix, facts)
    selection = replace(selection, torch=tuple(minor or word for word, minor in torch_minors(selection, facts).items()))
    wanted = {axis: values for axis, values in _wanted(axes, selection, matrix, facts).items() if values}
    meant = expand(matrix, facts, measured, narrowed(narrowed(axes, wanted), _axes_of_ids(selection.id)))

    def is_meant(target: Target) -> bool:
        return not selection.id or any(fnmatchcase(target.id, pattern) for pattern in selection.id)

    targets = tuple(planned for planned in meant.targets if is_meant(planned.target))
    excluded = tuple(row for row in meant.excluded if is_meant(row.target))
    if not targets and not (or_excluded and excluded):
        if excluded:
            raise NothingToDoError(_why_excluded(selection, excluded), id="target-excluded")
        raise NothingToDoError(_why_nothing(expand(matrix, facts), selection), id="no-target-matches")
    return Plan(targets=targets, excluded=excluded)


def torch_minors(selection: Selection, facts: Facts) -> dict[str, str]:
    """Each torch that was typed, with its minor where it is a patch release that is known, such as 2.9.1+cu128."""
    typed = {word: word.partition("+")[0] for word in split_words(selection.torch)}
    return {
        word: minor if (minor := minor_of(release)) in facts.torch and release in facts.torch[minor].patches else ""
        for word, release in typed.items()
    }


def _wanted(axes: Axes, selection: Selection, matrix: Matrix, facts: Facts) -> dict[str, frozenset[str]]:
    def resolve(selector: str, axis: str, word: str, found: str) -> str:
        if found not in axes[axis]:
            why = why_off_axis(axis, found, matrix, facts)
            raise InputError(_why_unknown(selector, word, found, axes[axis], why), id="value-not-in-matrix")
        return found

    wanted: dict[str, frozenset[str]] = {}
    for selector, normalise in READINGS.items():
        axis = AXIS_OF.get(selector, selector)
        typed = split_words(getattr(selection, selector))
        known = axes[axis]
        wanted[axis] = frozenset(resolve(selector, axis, word, normalise(word, known)) for word in typed)
    return wanted


def _axes_of_ids(ids: Sequence[str]) -> dict[str, frozenset[str]]:
    """The values that the ids name, by axis; none when one of them stands for several."""
    if not all(ID.fullmatch(name) for name in ids):
        return {}
    targets = [parse_id(name) for name in ids]
    return {axis: frozenset(getattr(target, axis) for target in targets) for axis in AXES if targets}


# ---------------------------------------------------------------- what a word means on its axis


def _release(word: str, known: Collection[str]) -> str:
    """An exact release, or the newest of a minor line."""
    line = [version for version in known if minor_of(version) == word]
    return word if word in known or not line else max(line, key=Version)


def _python(word: str, known: Collection[str]) -> str:
    match = re.fullmatch(r"(?:cp|py)?3\.?(\d+t?)", word.lower())
    return f"3.{match[1]}" if match else word


def _variant(word: str, known: Collection[str]) -> str:
    match = re.fullmatch(r"(?:cu|cuda)?(\d+)\.?(\d)(?:\.\d+)?", word.lower())
    return f"cu{match[1]}{match[2]}" if match else word.lower()


def _platform(word: str, known: Collection[str]) -> str:
    short = {"win": "windows"}.get(word.lower(), word.lower())
    return next((platform for platform, system in SYSTEMS.items() if short == system), short)


READINGS: dict[str, Callable[[str, Collection[str]], str]] = {
    "py": _python,
    "torch": _release,
    "cuda": _variant,
    "deepspeed": _release,
    "platform": _platform,
}


# ---------------------------------------------------------------- why nothing is left


def _why_unknown(selector: str, word: str, found: str, known: Collection[str], why: str | None) -> str:
    """That a value is on no axis, why, and which are."""
    locked = found.removesuffix("t")
    other = f"; Python {locked} has targets" if selector == "py" and locked != found and locked in known else ""
    reason = f": {why.rstrip('.')}{other}" if why else ""
    return f"--{selector} {word!r} is not in the matrix{reason}; it has {', '.join(in_order(known))}"


def _why_excluded(selection: Selection, excluded: Sequence[ExcludedTarget]) -> str:
    """The rule and reason of each target that was meant and is excluded."""
    reasons = list(dict.fromkeys((row.rule, row.reason) for row in excluded))
    subject = f"the {len(excluded)} targets of {selection} are" if len(excluded) > 1 else f"{excluded[0].target.id} is"
    lines = [f"  {rule}: {reason}" for rule, reason in reasons[:SHOWN]]
    more = [f"  and {len(reasons) - SHOWN} more; 'invoke plan --omitted' shows all"] if len(reasons) > SHOWN else []
    return "\n".join([f"{subject} excluded from the matrix:", *lines, *more])


def _why_nothing(plan: Plan, selection: Selection) -> str:
    """That nothing matches, and what is near."""
    known = f"'invoke plan' lists all {len(plan.targets)} targets{_nearest(plan, selection)}"
    return f"no target of the matrix matches {selection}; {known}"


def _nearest(plan: Plan, selection: Selection) -> str:
    from difflib import get_close_matches  # only here: it costs a start of every task otherwise

    ids = [planned.target.id for planned in plan.targets]
    near = get_close_matches(selection.id[0], ids, n=SHOWN, cutoff=0.8) if selection.id else []
    return f", such as {', '.join(near)}" if near else ""
