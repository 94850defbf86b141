"""Questions to the catalogue: which ops a target has, which of them to build, which patches its source needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from scripts.errors import InputError
from scripts.facts.deepspeed_releases import Op, OpSupport, Patch
from scripts.plan.target import Target


@dataclass(frozen=True, kw_only=True)
class OpChoice:
    """An op that exists for a target, and why the default selection leaves it out, if it does."""

    name: str
    variable: str
    module: str
    support: OpSupport
    left_out: str | None


@dataclass(frozen=True, kw_only=True)
class OpSelection:
    """The ops to build, and the reason for each that exists and is not built."""

    available: tuple[OpChoice, ...]  # every op that exists for the target
    chosen: tuple[OpChoice, ...]
    left_out: Mapping[str, str]  # op -> reason, for whoever has the wheel
    missing: Mapping[str, str]  # op that only this machine keeps out -> what it lacks and the line that installs it
    usual: frozenset[str]  # the ops that every wheel of the target's name has

    @property
    def why_not(self) -> dict[str, str]:
        """Why each op is left out, for who builds."""
        return {**self.left_out, **self.missing}


def available_ops(facts_ops: Mapping[str, Op], target: Target) -> tuple[OpChoice, ...]:
    """Every op that this DeepSpeed release knows for the target's accelerator, in the order of the facts."""
    rows = ((op, op.support_for(target.accelerator, target.deepspeed)) for op in facts_ops.values())
    return tuple(_choice(op, row, target.system) for op, row in rows if row)


def named_ops(ops: str | Sequence[str]) -> tuple[str, ...] | None:
    """What matrix.yaml's `ops` names; None for "all", which is every default op."""
    return None if ops == "all" else tuple(ops)


def choose_ops(
    ops: Mapping[str, Op],
    target: Target,
    wanted: tuple[str, ...] | None,
    absent_headers: Mapping[str, str] = MappingProxyType({}),
    usual: tuple[str, ...] | None = None,
) -> OpSelection:
    """The ops to build for `target`: the `wanted` ones, or every default op for None; `usual` are the matrix's own.

    Raises InputError for a wanted op that the target cannot have. `absent_headers` holds what
    this machine lacks and the line that installs it: an op that needs one of them is `missing`.
    """
    choices = available_ops(ops, target)
    for name in wanted or ():
        _require(name, ops, choices, target)
    decided = {choice.name: reason for choice in choices if (reason := _reason(choice, wanted))}
    lacking = {
        choice.name: choice.support.header
        for choice in choices
        if choice.name not in decided and choice.support.header in absent_headers
    }
    absent = {name: f"the machine that built it did not have the header {header}" for name, header in lacking.items()}
    reasons = {**decided, **absent}
    return OpSelection(
        available=choices,
        chosen=tuple(choice for choice in choices if choice.name not in reasons),
        left_out={choice.name: reasons[choice.name] for choice in choices if choice.name in reasons},
        missing={
            name: f"the header {header} is not on this machine; install it with: {absent_headers[header]}"
            for name, header in lacking.items()
            if header
        },
        usual=frozenset(choice.name for choice in choices if _reason(choice, usual) is None),
    )


def patches_for(patches: Iterable[Patch], context: Mapping[str, str | bool]) -> tuple[Patch, ...]:
    """The enabled patches whose condition holds for `context`, in the order of the facts."""
    return tuple(patch for patch in patches if patch.when.holds(context))


def _choice(op: Op, row: OpSupport, system: str) -> OpChoice:
    left_out = row.why_not.get(system) or (None if row.default else row.note)
    return OpChoice(name=op.name, variable=op.variable, module=op.module, support=row, left_out=left_out)


def _reason(choice: OpChoice, wanted: tuple[str, ...] | None) -> str | None:
    """Why the op is not to be built, whatever the machine has."""
    if wanted is None:
        return choice.left_out
    return None if choice.name in wanted else "not among the ops that were asked for"


def _require(name: str, ops: Mapping[str, Op], choices: tuple[OpChoice, ...], target: Target) -> None:
    choice = next((choice for choice in choices if choice.name == name), None)
    reason = choice.support.why_not.get(target.system) if choice else _no_such_op(name, ops, target)
    if reason is None:
        return
    possible = ", ".join(choice.name for choice in choices if target.system not in choice.support.why_not)
    raise InputError(
        f"{target.id} cannot have the op {name!r}: {reason}; it can have {possible}", id="op-not-available"
    )


def _no_such_op(name: str, ops: Mapping[str, Op], target: Target) -> str:
    if name not in ops:
        return "DeepSpeed has no op of that name"
    return f"DeepSpeed {target.deepspeed} does not have it for {target.accelerator}"
