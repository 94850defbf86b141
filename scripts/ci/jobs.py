"""The next jobs of the build workflow: which targets come first, which a job builds together, and on which image."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from types import MappingProxyType
from typing import Any

from scripts.ci.results import NO_RESULT
from scripts.dirs import CHECKOUT
from scripts.errors import DataError
from scripts.facts.facts import Facts
from scripts.index.page.states import Build
from scripts.plan.build_order import Family, family_of, in_build_order
from scripts.plan.expand import Plan, PlannedTarget
from scripts.plan.forecast import Forecast, JobForecast
from scripts.plan.shard import MAX_JOBS
from scripts.plan.target import ID, Target
from scripts.schema.json_document import parse_json
from scripts.schema.readers import Optional, Problems, Reader, keyed, listed, text
from scripts.toolchain.msvc.toolset import toolset_choice

TOOLS_PYTHON = CHECKOUT / ".github" / "python" / "usual"
QUEUE = "DEEPSPEED_WHEELS_QUEUE"  # the matrix of the run whose artifacts or results are gathered
FIRST, LAST = {"building": 0}, {"failed": 2}  # state of a target in the last run -> its position in the queue
JOB_NAME = re.compile(r"torch[0-9][0-9.]*-(?:cpu|cu[0-9]+)-(?:win_amd64|linux_x86_64)(?:-[0-9]+)?")


@dataclass(frozen=True, kw_only=True)
class QueuedJob:
    """Targets of one platform, CUDA and torch that a job builds, in that order, and its image."""

    name: str  # "torch2.13.0-cu130-linux_x86_64", or with -2 behind it; its artifact is called so, too
    runner: str  # "windows-2022"
    targets: tuple[Target, ...]
    minutes: float = 0.0  # as forecast
    container: Mapping[str, Any] | None = None  # in which the runner builds, as a workflow has it; None: on the runner

    @property
    def row(self) -> dict[str, Any]:
        """Its row in the matrix of the workflow; the Pythons are one a line, as setup-python reads them."""
        pythons = dict.fromkeys(target.python for target in self.targets)
        ids = [target.id for target in self.targets]
        python, container = "\n".join(pythons), self.container or ""
        return {"id": self.name, "runner": self.runner, "python": python, "container": container, "ids": ids}


@dataclass
class GrowingJob:
    """A job of which not all targets are known yet."""

    name: str
    forecast: JobForecast
    most: int  # targets for which a runner's disk has room
    minutes: float  # that the job is given
    targets: list[Target] = field(default_factory=list)

    def takes(self, target: Target) -> bool:
        """Whether there is time and room for the target, too; for the first there always is."""
        return not self.targets or (
            len(self.targets) < self.most and self.forecast.minutes_with(target) <= self.minutes
        )

    def add(self, target: Target) -> None:
        """Have it build the target, too."""
        self.targets.append(target)
        self.forecast.add(target)


def queue_of(plan: Plan, builds: Mapping[str, Build], first: Sequence[str] = ()) -> tuple[Target, ...]:
    """The targets of the plan, in the order in which they should be built.

    Before all others the ids in `first`, in their order. Then what was begun and can be resumed; then by priority, the
    newest versions first; last what failed before, which would otherwise be tried again every time and keep all others
    waiting.
    """
    newest_first = tuple(reversed(plan.targets))
    asked = {name: place - len(first) for place, name in enumerate(first)}
    queue = sorted(newest_first, key=lambda row: (asked.get(row.target.id, 0), _turn(row, builds), row.priority))
    return tuple(row.target for row in queue)


def next_jobs(
    queue: Sequence[Target],
    facts: Facts,
    forecast: Forecast,
    builds: Mapping[str, Build],
    limit: int = MAX_JOBS,
) -> tuple[QueuedJob, ...]:
    """The first `limit` jobs for the targets of the queue, as many as the variable holds that hands them on.

    `builds` says how targets ended in the last run. One whose job left no word has a job of its own: what ends a runner
    takes no other target with it twice.
    """
    return grouped(queue, facts, forecast, builds, limit, room=facts.limits["variable_bytes"] // 8 * 7)


def grouped(
    queue: Sequence[Target],
    facts: Facts,
    forecast: Forecast,
    builds: Mapping[str, Build] = MappingProxyType({}),
    limit: float = inf,
    room: float = inf,
) -> tuple[QueuedJob, ...]:
    """Jobs for the targets of the queue, each of as many of a family as a job has time and room for.

    A job stands where its first target does. `room` is how many bytes their matrix may have.
    """
    lost = {name for name, build in builds.items() if build.message == NO_RESULT}
    begun = {name for name, build in builds.items() if build.state in FIRST}
    jobs: list[GrowingJob] = []
    open_jobs: dict[Family, GrowingJob] = {}
    for target in queue:
        family, alone = family_of(target), target.id in lost
        job = None if alone else open_jobs.get(family)
        room -= len(target.id) + len('"", ')
        if room < 0:
            break
        if job is None or not job.takes(target):
            if len(jobs) >= limit:
                continue
            job = _new_job(target, jobs, facts, forecast)
            jobs.append(job)
            container = container_for(target, facts)
            room -= len(
                json.dumps(QueuedJob(name=job.name, runner="windows-2022", targets=(), container=container).row)
            )
            if not alone:
                open_jobs[family] = job
        job.add(target)
    return tuple(
        QueuedJob(
            name=job.name,
            runner=runner_for(job.targets[0], facts),
            targets=in_build_order(job.targets, begun),
            minutes=job.forecast.minutes,
            container=container_for(job.targets[0], facts),
        )
        for job in jobs
    )


def runner_for(target: Target, facts: Facts) -> str:
    """The hosted image that builds the target; raises DataError when no row names one."""
    choice = toolset_choice(facts, target.cuda_version) if target.system == "windows" else None
    if choice is not None:
        return choice.runners[0]
    if target.system not in facts.builds_on:
        raise DataError("runners.yaml", [f"builds_on: no image for {target.system}; add a row"])
    return facts.builds_on[target.system].runner


def container_for(target: Target, facts: Facts) -> dict[str, Any] | None:
    """The container in which the runner builds, with the Python of the tools on its PATH; None: on the runner."""
    row = facts.builds_on.get(target.system)
    image = facts.images.get(row.image or "") if row else None
    tag = "cp" + TOOLS_PYTHON.read_text(encoding="utf-8").strip().replace(".", "")
    return image.with_python(f"{tag}-{tag}") if image else None


def matrix_document(jobs: Sequence[QueuedJob]) -> dict[str, list[dict[str, Any]]]:
    """The jobs as the `strategy.matrix` of a workflow."""
    return {"include": [job.row for job in jobs]}


def read_matrix(content: str, name: str) -> tuple[str, ...]:
    """The ids in what `matrix_document` wrote, of the variable called `name`; raises DataError with every fault."""
    return tuple(target for ids in read_queue(content, name).values() for target in ids)


def read_queue(content: str, name: str) -> dict[str, tuple[str, ...]]:
    """The same by the name of their job, which is its artifact's, too."""
    problems = Problems()
    value = parse_json(content, name, problems)
    found: dict[str, Any] = {"include": ()} if problems else MATRIX(value, f"{name}:", problems)
    if problems:
        raise DataError(name, problems)
    return {row["id"]: row["ids"] for row in found["include"]}


def job_name(target: Target) -> str:
    """How the names of the jobs begin that build the target's family."""
    return f"torch{target.torch}-{target.cuda}-{target.platform}"


def _new_job(target: Target, jobs: Sequence[GrowingJob], facts: Facts, forecast: Forecast) -> GrowingJob:
    number = 1 + sum(family_of(job.targets[0]) == family_of(target) for job in jobs)
    return GrowingJob(
        name=job_name(target) + (f"-{number}" if number > 1 else ""),
        forecast=forecast.job(),
        most=most_on_disk(target, facts),
        minutes=forecast.settings.job_minutes,
    )


def most_on_disk(target: Target, facts: Facts) -> int:
    """How many wheels like the target's a runner's disk holds beside what building one takes."""
    kind = (target.system, target.accelerator)
    needs = {row.what: row.bytes for row in facts.disk if (row.system, row.accelerator) == kind}
    wheel, archives = needs.pop("wheel"), needs.pop("archives", 0)
    return max(1, (facts.limits["runner_disk_bytes"] - sum(needs.values()) + archives) // wheel)


def _turn(planned: PlannedTarget, builds: Mapping[str, Build]) -> int:
    build = builds.get(planned.target.id)
    return {**FIRST, **LAST}.get(build.state, 1) if build else 1


def _id(value: object, where: str, problems: Problems) -> str:
    found = text(value, where, problems)
    if not ID.fullmatch(found):
        problems.add(where, f"{found!r} is not a target id")
    return found


def _anything(value: object, where: str, problems: Problems) -> object:
    """What only the runner reads."""
    return value


_row: Reader[dict[str, Any]] = keyed(
    dict, id=text, runner=text, python=text, container=Optional(_anything), ids=listed(_id)
)
MATRIX: Reader[dict[str, Any]] = keyed(dict, include=listed(_row))
