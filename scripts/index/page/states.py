"""The state of every combination: what a user who looks for it reads, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from scripts.errors import DataError
from scripts.plan.expand import ExcludedTarget
from scripts.plan.target import ID, Target, parse_id
from scripts.schema.json_document import parse_json
from scripts.schema.readers import Optional, Problems, Reader, below, choice, keyed, mapped, text
from scripts.wheel.record import WheelRecord

State = Literal["published", "building", "failed", "withdrawn", "planned", "excluded", "impossible"]
OUR_CHOICE = "matrix:"  # how the rule of an excluded target begins when matrix.yaml made it, not the facts


@dataclass(frozen=True, kw_only=True)
class Build:
    """What the workflows last saw of a target that is not offered, `building` or `failed`, with where to look.

    Or `withdrawn`, with the reason: a wheel of it was published and is offered no more.
    """

    state: str
    message: str = ""
    url: str | None = None


def excluded_state(row: ExcludedTarget) -> State:
    """`excluded` when leaving the target out was our choice, `impossible` when a rule of the facts refuses it."""
    return "excluded" if row.rule.startswith(OUR_CHOICE) else "impossible"


def read_builds(content: str | bytes, name: str) -> dict[str, Build]:
    """The builds of the JSON document called `name`, by target id: `{id: {"state": ..., "message": ..., "url": ...}}`.

    Raises DataError with every fault, each at its key.
    """
    problems = Problems()
    value = parse_json(content, name, problems)
    found = {} if problems else mapped(BUILD)(value, f"{name}:", problems)
    for target in found:
        if not ID.fullmatch(target):
            problems.add(below(f"{name}:", target), "is not a target id; write the ids that `invoke plan` shows")
    if problems:
        raise DataError(name, problems)
    return found


def unpublished(builds: Mapping[str, Build], published: Iterable[Target]) -> dict[Target, Build]:
    """The builds of targets that have no wheel yet: a published wheel is there whatever a later run did.

    By the wheel's name: a target's id also holds the patch release of torch, which may have changed since.
    """
    there = {target.wheel_name for target in published}
    going = {parse_id(name): builds[name] for name in sorted(builds)}
    return {target: build for target, build in going.items() if target.wheel_name not in there}


def withdrawn(records: Iterable[WheelRecord]) -> dict[str, Build]:
    """What the page says of wheels that are offered no more, by target id."""
    return {record.target.id: Build(state="withdrawn", message=record.yanked) for record in records if record.yanked}


def _address(value: object, where: str, problems: Problems) -> str:
    found = text(value, where, problems)
    if found and not found.startswith("https://"):
        problems.add(where, f"{found!r} is not an address for a page; write one that begins with https://")
    return found


BUILD: Reader[Build] = keyed(
    Build, state=choice("building", "failed"), message=Optional(text, ""), url=Optional(_address)
)
