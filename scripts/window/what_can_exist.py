"""What may be chosen together: of each axis the values that some target has, and why the others have none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from packaging.version import Version

from scripts.facts.facts import Facts
from scripts.plan.expand import Plan, axes_of, expand, narrowed
from scripts.plan.matrix import Matrix
from scripts.plan.ops import OpChoice, available_ops
from scripts.plan.target import Target

CHOSEN = ("deepspeed", "torch", "cuda")  # in this order; system and Python are those of the environment


@dataclass(frozen=True, kw_only=True)
class Possible:
    """The values of an axis that can be had with what is chosen of the others, newest first; why the rest cannot."""

    values: tuple[str, ...]
    reasons: Mapping[str, str]


def plan_for(matrix: Matrix, facts: Facts, python: str, platform: str) -> Plan:
    """Every target and excluded one of this Python and system."""
    wanted = {"python": [python], "platform": [platform]}
    return expand(matrix, facts, axes=narrowed(axes_of(matrix, facts), wanted))


def possible(plan: Plan, axis: str, chosen: Mapping[str, str]) -> Possible:
    """What can be had of an axis; an empty choice of another axis leaves that open."""
    others = {name: value for name, value in chosen.items() if value and name != axis}
    having = [row.target for row in plan.targets if _is(row.target, others)]
    values = {value_of(target, axis) for target in having}
    excluded = sorted((row for row in plan.excluded if _is(row.target, others)), key=lambda row: row.target.sort_key())
    reasons = {value_of(row.target, axis): row.reason for row in excluded}
    return Possible(
        values=tuple(sorted(values, key=_order, reverse=True)),
        reasons={value: reasons[value] for value in sorted(reasons, key=_order, reverse=True) if value not in values},
    )


def targets_of(plan: Plan, chosen: Mapping[str, str]) -> list[Target]:
    """The targets with what is chosen, the newest first."""
    wanted = {name: value for name, value in chosen.items() if value}
    found = [row.target for row in plan.targets if _is(row.target, wanted)]
    return sorted(found, key=Target.sort_key, reverse=True)


def ops_of(facts: Facts, target: Target) -> tuple[OpChoice, ...]:
    """The ops that exist for the target, each with why it is left out unless asked for."""
    return available_ops(facts.ops, target)


def value_of(target: Target, axis: str) -> str:
    """A target's value as people name it: of torch the minor."""
    return target.torch_minor if axis == "torch" else str(getattr(target, axis))


def _is(target: Target, wanted: Mapping[str, str]) -> bool:
    return all(value_of(target, axis) == value for axis, value in wanted.items())


def _order(value: str) -> Version:
    """Versions by their numbers, CUDA variants by theirs, the CPU before all of them."""
    return Version("0" if value == "cpu" else value.removeprefix("cu"))
