"""The next jobs of the build workflow: which targets come first, and on which hosted image each is built."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scripts.errors import DataError
from scripts.facts.facts import Facts
from scripts.index.page.states import Build
from scripts.plan.expand import Plan, PlannedTarget
from scripts.plan.shard import MAX_JOBS
from scripts.plan.target import ID, Target
from scripts.schema.json_document import parse_json
from scripts.schema.readers import Optional, Problems, Reader, keyed, listed, text
from scripts.toolchain.msvc.toolset import toolset_choice

QUEUE = "DEEPSPEED_WHEELS_QUEUE"  # the matrix of the run whose artifacts or results are gathered
FIRST, LAST = {"building": 0}, {"failed": 2}  # state of a target in the last run -> its position in the queue


@dataclass(frozen=True, kw_only=True)
class QueuedTarget:
    """One target and the image that builds it."""

    target: Target
    runner: str  # "windows-2022"


def next_jobs(
    plan: Plan, facts: Facts, builds: Mapping[str, Build], limit: int = MAX_JOBS, first: Sequence[str] = ()
) -> tuple[QueuedTarget, ...]:
    """The first `limit` targets of the plan, in the order in which they should be built.

    Before all others the ids in `first`, in their order. Then what was begun and can be resumed; then by priority, the
    newest versions first; last what failed before, which would otherwise be tried again every time and keep all others
    waiting.
    """
    newest_first = tuple(reversed(plan.targets))
    asked = {name: place - len(first) for place, name in enumerate(first)}
    queue = sorted(newest_first, key=lambda row: (asked.get(row.target.id, 0), _turn(row, builds), row.priority))
    return tuple(QueuedTarget(target=row.target, runner=runner_for(row.target, facts)) for row in queue[:limit])


def runner_for(target: Target, facts: Facts) -> str:
    """The hosted image that builds the target; raises DataError when no row names one."""
    choice = toolset_choice(facts, target.cuda_version) if target.system == "windows" else None
    if choice is not None:
        return choice.runners[0]
    if target.system not in facts.builds_on:
        raise DataError("runners.yaml", [f"builds_on: no image for {target.system}; add a row"])
    return facts.builds_on[target.system].runner


def matrix_document(jobs: Sequence[QueuedTarget]) -> dict[str, list[dict[str, Any]]]:
    """The jobs as the `strategy.matrix` of a workflow."""
    return {"include": [{"id": job.target.id, "runner": job.runner, "python": job.target.python} for job in jobs]}


def read_matrix(content: str, name: str) -> tuple[str, ...]:
    """The ids in what `matrix_document` wrote, of the variable called `name`; raises DataError with every fault."""
    return tuple(target for ids in read_queue(content, name).values() for target in ids)


def read_queue(content: str, name: str) -> dict[str, tuple[str, ...]]:
    """The same by the name of their job and its artifact: one id, which both are called by, or those in `ids`."""
    problems = Problems()
    value = parse_json(content, name, problems)
    found: dict[str, Any] = {"include": ()} if problems else MATRIX(value, f"{name}:", problems)
    for row in found["include"] or ():
        if not (row["ids"] or ID.fullmatch(row["id"])):
            problems.add(f"{name}:", f"{row['id']!r} is not a target id; name its ids")
    if problems:
        raise DataError(name, problems)
    return {row["id"]: row["ids"] or (row["id"],) for row in found["include"]}


def _turn(planned: PlannedTarget, builds: Mapping[str, Build]) -> int:
    build = builds.get(planned.target.id)
    return {**FIRST, **LAST}.get(build.state, 1) if build else 1


def _id(value: object, where: str, problems: Problems) -> str:
    found = text(value, where, problems)
    if not ID.fullmatch(found):
        problems.add(where, f"{found!r} is not a target id")
    return found


_row: Reader[dict[str, Any]] = keyed(dict, id=text, runner=text, python=text, ids=Optional(listed(_id), ()))
MATRIX: Reader[dict[str, Any]] = keyed(dict, include=listed(_row))
