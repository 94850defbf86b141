"""`invoke keys`: what a hosted job restores before it builds its targets and saves after it."""

from __future__ import annotations

from scripts.ci.actions import this_step
from scripts.ci.caches import caches
from scripts.commands.answer import print_answer, print_document
from scripts.commands.project import Project, open_project
from scripts.errors import InputError
from scripts.plan.build_order import as_typed, family_of
from scripts.plan.selection import Selection
from scripts.plan.target import Target


def keys(selection: Selection, *, as_json: bool) -> None:
    """Print the keys of what a job of these targets keeps, and hand them to the steps that keep it."""
    project = open_project()
    targets = _of_one_job(project, selection)
    outputs = {name: value for cache in caches(targets, project.dirs) for name, value in cache.outputs().items()}
    if step := this_step():
        step.set_outputs(outputs)
    if as_json:
        print_document(outputs)
    else:
        print_answer(*(f"{name}: {value or '(nothing to keep)'}" for name, value in outputs.items()))


def _of_one_job(project: Project, selection: Selection) -> tuple[Target, ...]:
    """The targets in the order in which they were typed: a job begins with the first."""
    if selection.is_empty:
        raise InputError("name the targets of one job with --id; 'invoke plan' lists them", id="one-job-needed")
    found = [planned.target for planned in project.select(selection).targets]
    if len({family_of(target) for target in found}) != 1:
        raise InputError(
            f"{len(found)} targets match, of several platforms, CUDA or torch releases, which no job builds together; "
            "name those of one with --id",
            id="one-job-needed",
        )
    return as_typed(found, selection.id)
