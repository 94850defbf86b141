"""The variables that upstream's setup.py and the compilers see: rows of scripts/data/variables.yaml, filled in."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from scripts.facts.build_variables import Variable
from scripts.plan.context import Context
from scripts.plan.ops import OpSelection
from scripts.plan.target import Target


def fill_variables(rows: Iterable[Variable], target: Target, context: Context, arches: str | None) -> dict[str, str]:
    """Every variable whose row holds in `context`; values of one name are joined with a blank, in the rows' order.

    {toolkit} stays as it is: where the toolkit lies is known when it is there.
    """
    words = {
        "accelerator": target.accelerator,
        "version": target.local_version,
        "arches": arches or "",
    }
    filled: dict[str, str] = {}
    for row in rows:
        if row.when.holds(context):
            value = _fill(row.value, words)
            filled[row.name] = f"{filled[row.name]} {value}" if row.name in filled else value
    return filled


def joined_with(variables: Mapping[str, str], lists: Collection[str], caller: Mapping[str, str]) -> dict[str, str]:
    """The variables; in those that are `lists` of flags the words of the `caller` stand behind, so they count."""

    def joined(name: str, value: str) -> str:
        own = caller.get(name, "") if name in lists else ""
        if value in own:  # from a line of a dry run, which has both
            return own
        return f"{value} {own}" if own else value

    return {name: joined(name, value) for name, value in variables.items()}


def op_variables(selection: OpSelection) -> dict[str, str]:
    """What tells setup.py which ops to build."""
    return {choice.variable: "1" for choice in selection.chosen}


def read_by_compilers(
    names: Collection[str], variables: Mapping[str, str], caller: Mapping[str, str]
) -> dict[str, str]:
    """What the compilers read beside their command: the `variables` called so, and those of the `caller`."""
    return {name: value for name, value in {**caller, **variables}.items() if name in names and value}


def _fill(text: str, words: Mapping[str, str]) -> str:
    for name, value in words.items():
        text = text.replace("{" + name + "}", value)
    return text
