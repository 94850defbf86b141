"""`select`: the part of a plan that a person means, in the words that people type."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from fnmatch import fnmatchcase

from packaging.version import Version

from scripts.errors import InputError, NothingToDoError
from scripts.plan.expand import Omission, Plan
from scripts.plan.selection import Selection
from scripts.plan.target import Target
from scripts.versions import SYSTEMS, in_order, minor_of

SHOWN = 5  # cells or values that a message names before it says how many more there are
AXIS_OF = {"py": "python"}  # selectors whose field of a target has another name


def select(plan: Plan, selection: Selection) -> Plan:
    """The targets and omissions that the selection means.

    Raises InputError for a value that the plan does not have, NothingToDoError when no target is left.
    """
    cells = [*(planned.target for planned in plan.targets), *(omission.target for omission in plan.omitted)]
    wanted = {axis: values for axis, values in _wanted(cells, selection).items() if values}

    def is_meant(target: Target) -> bool:
        if any(getattr(target, axis) not in values for axis, values in wanted.items()):
            return False
        return not selection.id or any(fnmatchcase(target.id, pattern) for pattern in selection.id)

    targets = tuple(planned for planned in plan.targets if is_meant(planned.target))
    omitted = tuple(omission for omission in plan.omitted if is_meant(omission.target))
    if not targets:
        raise NothingToDoError(_why_nothing(plan, selection, omitted))
    return Plan(targets=targets, omitted=omitted)


def _wanted(cells: Sequence[Target], selection: Selection) -> dict[str, frozenset[str]]:
    wanted: dict[str, frozenset[str]] = {}
    for selector, normalise in READINGS.items():
        axis = AXIS_OF.get(selector, selector)
        typed = _words(getattr(selection, selector))
        known = {getattr(cell, axis) for cell in cells}
        wanted[axis] = frozenset(_resolve(selector, word, normalise(word, known), known) for word in typed)
    return wanted


def _words(typed: Sequence[str]) -> list[str]:
    return [word.strip() for value in typed for word in value.split(",") if word.strip()]


def _resolve(selector: str, word: str, found: str, known: Collection[str]) -> str:
    if found not in known:
        raise InputError(f"--{selector} {word!r} is not in the matrix; it has {', '.join(in_order(known))}")
    return found


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


def _why_nothing(plan: Plan, selection: Selection, omitted: Sequence[Omission]) -> str:
    """The rule and reason of each cell that was meant and left out, else what there is."""
    if omitted:
        reasons = list(dict.fromkeys((omission.rule, omission.reason) for omission in omitted))
        cells = f"the {len(omitted)} cells of {selection} are" if len(omitted) > 1 else f"{omitted[0].target.id} is"
        lines = [f"  {rule}: {reason}" for rule, reason in reasons[:SHOWN]]
        more = [f"  and {len(reasons) - SHOWN} more; 'invoke plan --omitted' shows all"] if len(reasons) > SHOWN else []
        return "\n".join([f"{cells} left out of the matrix:", *lines, *more])
    known = f"'invoke plan' lists all {len(plan.targets)} targets{_nearest(plan, selection)}"
    return f"no cell of the matrix matches {selection}; {known}"


def _nearest(plan: Plan, selection: Selection) -> str:
    from difflib import get_close_matches  # only here: it costs a start of every task otherwise

    ids = [planned.target.id for planned in plan.targets]
    near = get_close_matches(selection.id[0], ids, n=SHOWN, cutoff=0.8) if selection.id else []
    return f", such as {', '.join(near)}" if near else ""
