"""`invoke plan`: the matrix expanded, a part of it, or the next jobs of the build workflow."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from packaging.version import Version

from scripts.commands.answer import log_line, print_answer, print_document
from scripts.commands.project import Project, open_project
from scripts.commands.task_options import PlanOptions
from scripts.errors import InputError
from scripts.plan.selection import Selection

if TYPE_CHECKING:
    from scripts.plan.expand import Plan
    from scripts.plan.report import JobTotals


def plan(selection: Selection, options: PlanOptions) -> None:
    """Print the plan, or the workflow's next jobs with `matrix`."""
    if options.store and not options.missing:
        raise InputError("--store is where --missing looks; give both or neither", id="options-conflict")
    if options.matrix and options.shard:
        raise InputError(
            "--matrix takes the first targets of the queue, the next run the next ones; omit --shard",
            id="options-conflict",
        )
    project = open_project()
    found = project.select(selection, or_excluded=options.omitted)
    published: frozenset[str] = frozenset()
    if options.missing:
        from scripts.publish.publisher import missing_of  # here: who publishes nothing needs none of it

        wanted, published = found, _published(options.store)
        found = missing_of(found, published)
        if wanted.targets and not found.targets:
            log_line(f"nothing is missing: each of the {len(wanted.targets)} targets is published")
    if options.matrix:
        next_matrix(project, found, options.max_jobs, published)
        return
    from scripts.plan.report import plan_document, plan_tables  # here: a wrong selector needs no tables
    from scripts.plan.shard import shard_of

    found = shard_of(found, options.shard, options.max_jobs)
    together = jobs_of(project, found, published)
    if options.json:
        print_document(plan_document(found, together))
    else:
        print_answer(*plan_tables(found, together, excluded=options.omitted))


def jobs_of(project: Project, plan: Plan, published: frozenset[str]) -> JobTotals:
    """What the build workflow takes for the plan, in jobs that each begin with empty caches.

    Ops that a wheel which is published has as they are cost nothing. Of the newest release it is told, too, what it
    takes when those before it are published.
    """
    from scripts.plan.report import JobTotals

    totals = _totals(project, plan, published)
    release = max(project.matrix.deepspeed, key=Version)
    newest = replace(plan, targets=tuple(row for row in plan.targets if row.target.deepspeed == release))
    if not newest.targets or published:
        return totals
    before = frozenset(row.target.wheel_name for row in project.plan.targets if row.target.deepspeed != release)
    return JobTotals(**vars(totals) | {"newest": (release, _totals(project, newest, before))})


def _totals(project: Project, plan: Plan, published: frozenset[str]) -> JobTotals:
    from scripts.ci.jobs import grouped, queue_of
    from scripts.plan.report import JobTotals

    jobs = grouped(queue_of(plan, {}), project.facts, replace(project.forecast, published=published))
    return JobTotals(jobs=len(jobs), minutes=sum(job.minutes for job in jobs))


def next_matrix(project: Project, plan: Plan, limit: int, published: frozenset[str] = frozenset()) -> None:
    """Print the next jobs of the build workflow as a matrix, and hand it to the workflow's next job."""
    from scripts.ci.actions import site_address, this_step
    from scripts.ci.jobs import matrix_document, next_jobs, queue_of
    from scripts.ci.results import known_builds
    from scripts.commands.request_task import requested_first
    from scripts.plan.shard import MAX_JOBS

    builds, first = known_builds(site_address(), log_line), requested_first(project)
    queue = queue_of(plan, builds, first)
    forecast = replace(project.forecast, published=published)
    jobs = next_jobs(queue, project.facts, forecast, builds, limit or MAX_JOBS)
    document = matrix_document(jobs)
    step = this_step()
    if step:
        step.set_outputs({"matrix": json.dumps(document), "jobs": str(len(jobs))})
        taken = sum(len(job.targets) for job in jobs)
        step.add_summary(f"### {taken} of {len(plan.targets)} targets to build, in {len(jobs)} jobs\n")
    print_document(document)


def _published(address: str) -> frozenset[str]:
    """What is published, by the names of wheels; raises PublishError when the store cannot be read."""
    from scripts.ci.actions import this_step
    from scripts.publish.publisher import published_wheels
    from scripts.publish.store_address import open_store

    store = open_store(address, patient=this_step() is not None, log=log_line)
    return published_wheels(store)
