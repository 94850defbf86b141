"""`invoke keys`: what a hosted job restores before the build of a target and saves after it."""

from __future__ import annotations

from scripts.ci.actions import this_step
from scripts.ci.caches import caches
from scripts.commands.answer import print_answer, print_document
from scripts.commands.project import Project, open_project
from scripts.errors import InputError
from scripts.plan.selection import Selection
from scripts.plan.target import Target


def keys(selection: Selection, *, as_json: bool) -> None:
    """Print the keys of what a job of this target keeps, and hand them to the steps that keep it."""
    project = open_project()
    target = _one(project, selection)
    outputs = {name: value for cache in caches(target, project.dirs) for name, value in cache.outputs().items()}
    if step := this_step():
        step.set_outputs(outputs)
    if as_json:
        print_document(outputs)
    else:
        print_answer(*(f"{name}: {value or '(nothing to keep)'}" for name, value in outputs.items()))


def _one(project: Project, selection: Selection) -> Target:
    if selection.is_empty:
        raise InputError("name one target with --id; 'invoke plan' lists them", id="one-target-needed")
    targets = project.select(selection).targets
    if len(targets) != 1:
        raise InputError(f"{len(targets)} targets match; name one with --id", id="one-target-needed")
    return targets[0].target
