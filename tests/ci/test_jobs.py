"""Which targets a run of the build workflow takes, in which order, and where each is built."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from scripts.ci.jobs import matrix_document, next_jobs, read_matrix, runner_for
from scripts.errors import DataError
from scripts.facts.load import load_facts
from scripts.index.page.states import Build
from scripts.plan.expand import Plan
from scripts.plan.shard import MAX_JOBS
from tests.index.page.factories import world
from tests.plan.factories import make_plan, make_target

FACTS = load_facts()


def ids(plan: Plan, builds: dict[str, Build] | None = None, limit: int = 256) -> list[str]:
    return [job.target.id for job in next_jobs(plan, FACTS, builds or {}, limit)]


def test_the_first_priority_comes_first_and_the_newest_of_a_priority() -> None:
    old, new, later = (make_target(deepspeed=version) for version in ("0.18.9", "0.19.7", "0.19.8"))
    plan = make_plan([old, new, later])
    plan = replace(plan, targets=(*plan.targets[:2], replace(plan.targets[2], priority=2)))
    assert ids(plan) == [new.id, old.id, later.id]


def test_what_was_begun_comes_first_and_what_failed_comes_last() -> None:
    failed, fresh, begun = (make_target(python=version) for version in ("3.12", "3.11", "3.10"))
    builds = {failed.id: Build(state="failed"), begun.id: Build(state="building")}
    assert ids(make_plan([failed, fresh, begun]), builds) == [begun.id, fresh.id, failed.id]


def test_a_run_never_has_more_jobs_than_one_matrix_holds() -> None:
    _, _, plan = world()
    assert len(plan.targets) > MAX_JOBS
    assert len(ids(plan)) == MAX_JOBS


def test_runs_one_after_the_other_build_the_whole_plan() -> None:
    _, _, plan = world()
    built: list[str] = []
    left = plan
    while left.targets:
        done = set(ids(left))
        built += done
        left = replace(left, targets=tuple(row for row in left.targets if row.target.id not in done))
    assert sorted(built) == sorted(row.target.id for row in plan.targets)


def test_every_target_of_the_plan_has_an_image_that_is_on_offer() -> None:
    _, _, plan = world()
    images = {runner_for(row.target, FACTS): row.target.system for row in plan.targets}
    assert images.keys() <= FACTS.runners.keys()
    assert images == {"windows-2022": "windows", "ubuntu-22.04": "linux"}


def test_a_system_without_an_image_is_an_error_that_names_the_file() -> None:
    with pytest.raises(DataError, match=r"runners\.yaml.*\n.*builds_on: no image for linux"):
        runner_for(make_target(), replace(FACTS, builds_on={}))


def test_the_matrix_is_what_the_workflow_reads() -> None:
    jobs = next_jobs(make_plan([make_target()]), FACTS, {})
    row = {"id": "ds0.19.8-torch2.13.0-cpu-cp311-linux_x86_64", "runner": "ubuntu-22.04", "python": "3.11"}
    assert matrix_document(jobs) == {"include": [row]}
    assert matrix_document([]) == {"include": []}


def test_the_ids_of_a_matrix_are_read_again() -> None:
    jobs = next_jobs(make_plan([make_target(), make_target(python="3.12")]), FACTS, {})
    assert read_matrix(json.dumps(matrix_document(jobs)), "QUEUE") == tuple(job.target.id for job in jobs)
    assert read_matrix('{"include": []}', "QUEUE") == ()


@pytest.mark.parametrize("content", ["{", "[]", '{"include": [{"id": 1}]}'])
def test_a_matrix_that_cannot_be_read_is_named(content: str) -> None:
    with pytest.raises(DataError, match="QUEUE"):
        read_matrix(content, "QUEUE")
