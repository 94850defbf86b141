"""Which targets a run of the build workflow takes, in which order, which of them together, and where they are built."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import pairwise

import pytest

from scripts.ci.jobs import (
    JOB_NAME,
    QueuedJob,
    job_name,
    matrix_document,
    most_on_disk,
    next_jobs,
    queue_of,
    read_matrix,
    read_queue,
    runner_for,
)
from scripts.ci.results import NO_RESULT
from scripts.errors import DataError
from scripts.facts.load import load_facts
from scripts.index.page.states import Build
from scripts.plan.build_order import family_of
from scripts.plan.forecast import forecast_of
from scripts.plan.matrix import load_matrix
from scripts.plan.shard import MAX_JOBS
from scripts.plan.target import Target
from tests.index.page.factories import world
from tests.plan.factories import ROOT, make_plan, make_target

FACTS = load_facts()
MATRIX = load_matrix(ROOT / "matrix.yaml", FACTS)
FORECAST = forecast_of(MATRIX, FACTS)


def jobs_of(
    targets: Iterable[Target], builds: Mapping[str, Build] | None = None, limit: int = MAX_JOBS
) -> tuple[QueuedJob, ...]:
    return next_jobs(tuple(targets), FACTS, FORECAST, builds or {}, limit)


def some_targets() -> list[Target]:
    """Three releases of two Pythons for two torch releases."""
    return [
        make_target(deepspeed=deepspeed, python=python, torch=torch)
        for torch in ("2.13.0", "2.12.0")
        for deepspeed in ("0.19.8", "0.19.7", "0.19.6")
        for python in ("3.12", "3.11")
    ]


def whole_queue() -> tuple[Target, ...]:
    return queue_of(world()[2], {})


def test_the_first_priority_comes_first_and_the_newest_of_a_priority() -> None:
    old, new, later = (make_target(deepspeed=version) for version in ("0.18.9", "0.19.7", "0.19.8"))
    plan = make_plan([old, new, later])
    plan = replace(plan, targets=(*plan.targets[:2], replace(plan.targets[2], priority=2)))
    assert queue_of(plan, {}) == (new, old, later)


def test_what_was_begun_comes_first_and_what_failed_comes_last() -> None:
    failed, fresh, begun = (make_target(python=version) for version in ("3.12", "3.11", "3.10"))
    builds = {failed.id: Build(state="failed"), begun.id: Build(state="building")}
    assert queue_of(make_plan([failed, fresh, begun]), builds) == (begun, fresh, failed)


def test_a_job_builds_one_family_and_stands_where_its_first_target_does() -> None:
    jobs = jobs_of(some_targets())
    assert [job.name for job in jobs] == ["torch2.13.0-cpu-linux_x86_64", "torch2.12.0-cpu-linux_x86_64"]
    assert [{family_of(target) for target in job.targets} for job in jobs] == [
        {("linux_x86_64", "cpu", torch)} for torch in ("2.13.0", "2.12.0")
    ]


def test_a_job_builds_the_releases_of_a_python_together_and_first_what_was_begun() -> None:
    begun = make_target(deepspeed="0.19.6", python="3.12")
    rest = [target for target in some_targets() if target != begun]
    job = jobs_of([begun, *rest], {begun.id: Build(state="building")})[0]
    assert [(target.python, target.deepspeed) for target in job.targets] == [
        ("3.12", "0.19.6"), ("3.12", "0.19.8"), ("3.12", "0.19.7"),
        ("3.11", "0.19.8"), ("3.11", "0.19.7"), ("3.11", "0.19.6"),
    ]  # fmt: skip


def test_a_job_has_as_many_targets_as_time_and_disk_allow_and_every_other_is_in_a_later_one() -> None:
    queue = whole_queue()
    jobs = jobs_of(queue, limit=len(queue))
    for job in jobs:
        cost = FORECAST.job()
        for target in job.targets:
            cost.add(target)
        assert cost.minutes <= MATRIX.forecast.job_minutes or len(job.targets) == 1
        assert len(job.targets) <= most_on_disk(job.targets[0], FACTS)
    assert len({job.name for job in jobs}) == len(jobs)
    assert all(JOB_NAME.fullmatch(job.name) for job in jobs)
    built = [target for job in jobs for target in job.targets]
    assert len(built) == len(set(built))
    assert set(built) <= set(queue)


def test_what_was_lost_with_its_job_gets_a_job_of_its_own() -> None:
    targets = some_targets()[:6]
    builds = {target.id: Build(state="failed", message=NO_RESULT) for target in targets[:2]}
    builds[targets[2].id] = Build(state="failed", message="a.cpp:1: error: no")
    jobs = jobs_of(targets, builds)
    assert sorted(len(job.targets) for job in jobs) == [1, 1, 4]
    assert {job.targets[0] for job in jobs if len(job.targets) == 1} == set(targets[:2])


def test_a_run_never_has_more_jobs_than_one_matrix_holds_nor_a_longer_queue_than_a_variable() -> None:
    queue = [replace(target, deepspeed=f"0.19.{n}") for n in range(100, 104) for target in whole_queue()]
    jobs = jobs_of(queue, limit=10**6)
    assert len(json.dumps(matrix_document(jobs))) + 100 < FACTS.limits["variable_bytes"]
    assert len(jobs_of(queue)) <= MAX_JOBS
    assert len(jobs_of(queue, limit=3)) == 3


def test_runs_one_after_the_other_build_the_whole_plan() -> None:
    _, _, plan = world()
    sizes = [len(plan.targets)]
    while plan.targets:
        done = {target for job in jobs_of(queue_of(plan, {})) for target in job.targets}
        assert done
        plan = replace(plan, targets=tuple(row for row in plan.targets if row.target not in done))
        sizes.append(len(plan.targets))
    assert all(before > after for before, after in pairwise(sizes))


def test_every_target_of_the_plan_has_an_image_that_is_on_offer() -> None:
    _, _, plan = world()
    images = {runner_for(row.target, FACTS): row.target.system for row in plan.targets}
    assert images.keys() <= FACTS.runners.keys()
    assert images == {"windows-2022": "windows", "ubuntu-22.04": "linux"}


def test_a_family_is_built_on_one_image() -> None:
    images: dict[tuple[str, ...], set[str]] = {}
    for target in whole_queue():
        images.setdefault(family_of(target), set()).add(runner_for(target, FACTS))
    assert {len(found) for found in images.values()} == {1}


def test_a_system_without_an_image_is_an_error_that_names_the_file() -> None:
    with pytest.raises(DataError, match=r"runners\.yaml.*\n.*builds_on: no image for linux"):
        runner_for(make_target(), replace(FACTS, builds_on={}))


def test_the_matrix_is_what_the_workflow_reads() -> None:
    jobs = jobs_of([make_target(python="3.12"), make_target()])
    ids = ["ds0.19.8-torch2.13.0-cpu-cp311-linux_x86_64", "ds0.19.8-torch2.13.0-cpu-cp312-linux_x86_64"]
    name = job_name(make_target())
    row = {"id": name, "runner": "ubuntu-22.04", "python": "3.11\n3.12", "ids": ids}
    [job] = jobs
    assert job.container
    assert matrix_document(jobs) == {"include": [{**row, "container": job.container}]}
    assert matrix_document([]) == {"include": []}


def test_linux_is_built_in_an_image_that_no_later_push_changes_and_windows_on_its_runner() -> None:
    jobs = jobs_of([make_target(), make_target(platform="win_amd64")])
    found = {job.targets[0].system: job.container for job in jobs}
    assert found["windows"] is None
    assert found["linux"]
    assert re.fullmatch(r"[a-z0-9./_-]+@sha256:[0-9a-f]{64}", found["linux"]["image"])
    assert found["linux"]["env"]["PATH"].startswith("/opt/python/cp311-cp311/bin:/usr/local/sbin:/usr/local/bin:")
    [row] = matrix_document(jobs_of([make_target(platform="win_amd64")]))["include"]
    assert row["container"] == "", "what a workflow reads as none"


def test_the_ids_of_a_matrix_are_read_again_by_the_name_of_their_artifact() -> None:
    jobs = jobs_of(some_targets())
    text = json.dumps(matrix_document(jobs))
    assert read_queue(text, "QUEUE") == {job.name: tuple(target.id for target in job.targets) for job in jobs}
    assert sorted(read_matrix(text, "QUEUE")) == sorted(target.id for target in some_targets())
    assert read_matrix('{"include": []}', "QUEUE") == ()


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        '{"include": [{"id": 1}]}',
        '{"include": [{"id": "ds0.19.8-torch2.13.0-cpu-cp311-linux_x86_64", "runner": "x", "python": "3.11"}]}',
        '{"include": [{"id": "a", "runner": "x", "python": "3.11", "ids": ["../ds"]}]}',
    ],
)
def test_a_matrix_that_cannot_be_read_is_named(content: str) -> None:
    with pytest.raises(DataError, match="QUEUE"):
        read_matrix(content, "QUEUE")
