"""What the steps of a workflow call beside `invoke build` and `invoke publish`: queue, caches, packages, report."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from scripts.ci.actions import site_address, this_step
from scripts.ci.caches import caches
from scripts.ci.jobs import matrix_document, next_jobs, read_matrix
from scripts.ci.known import known_builds
from scripts.ci.packages import install_commands
from scripts.ci.results import Result, builds_document, lost_results, read_results, write_results
from scripts.ci.summary import SummaryRow, markdown, notes, rows, sentence
from scripts.command import check, run
from scripts.commands import cells
from scripts.commands.cli import print_document, print_for_people, words
from scripts.errors import InputError, NothingToDoError, WheelsError
from scripts.plan.expand import Plan
from scripts.plan.selection import Selection, select
from scripts.plan.shard import MAX_JOBS
from scripts.plan.target import Target
from scripts.wheel_build.pipeline import Builder

SELECTORS = {
    "py": "DEEPSPEED_WHEELS_SELECT_PY",
    "torch": "DEEPSPEED_WHEELS_SELECT_TORCH",
    "cuda": "DEEPSPEED_WHEELS_SELECT_CUDA",
    "deepspeed": "DEEPSPEED_WHEELS_SELECT_DEEPSPEED",
    "platform": "DEEPSPEED_WHEELS_SELECT_PLATFORM",
    "ids": "DEEPSPEED_WHEELS_SELECT_ID",
}
QUEUE = "DEEPSPEED_WHEELS_QUEUE"  # the matrix of the run whose results are gathered


def handed_over() -> Selection:
    """The selectors that the variables hold; a workflow never writes what a person typed into a command line."""
    return Selection(**{name: words(os.environ.get(variable)) for name, variable in SELECTORS.items()})


def next_matrix(plan: Plan, limit: int) -> None:
    """Print the next jobs of the build workflow as a matrix, and hand it to the workflow's next job."""
    workshop = cells.open_workshop()
    jobs = next_jobs(plan, workshop.facts, known_builds(site_address(), _say), limit or MAX_JOBS)
    document = matrix_document(jobs)
    step = this_step()
    if step:
        step.set_outputs({"matrix": json.dumps(document), "jobs": str(len(jobs))})
        step.add_summary(f"### {len(jobs)} of {len(plan.targets)} cells to build\n")
    print_document(document)


def keys(chosen: Selection, as_json: bool) -> None:
    """Print the keys of what a job of this cell keeps, and hand them to the steps that keep it."""
    workshop = cells.open_workshop()
    outputs = {
        name: value
        for cache in caches(_one(workshop.plan, chosen), workshop.places)
        for name, value in cache.outputs().items()
    }
    if step := this_step():
        step.set_outputs(outputs)
    if as_json:
        print_document(outputs)
    else:
        print_for_people(*(f"{name}: {value or '(nothing to keep)'}" for name, value in outputs.items()))


def prepare(chosen: Selection) -> None:
    """Install the system packages that building the cells needs."""
    workshop = cells.open_workshop()
    commands = {
        command.as_shell(): command
        for target in cells.cells_to_build(workshop, chosen)
        for command in install_commands(target, workshop.facts)
    }
    for line, command in commands.items():
        _say(line)
        check(command, run(command, log=_say))
    if not commands:
        _say("nothing to install: everything is here")


def report(builds: str, as_json: bool) -> None:
    """Tell how the last builds ended; the exit code is the first failed one's. A build that goes on has not failed."""
    workshop = cells.open_workshop()
    places, results = workshop.places, read_results(workshop.places.logs)
    if builds and (queue := os.environ.get(QUEUE)):
        results = (*results, *lost_results(read_matrix(queue, QUEUE), results))
    if not results and not builds:
        raise NothingToDoError(f"no build has left its result in {places.logs}; the output of 'invoke build' says why")
    found = rows(results, places.wheelhouse)
    step = this_step()
    if step:
        step.add_summary(markdown(found))
        for line in notes(found):
            _say(line)
    if builds:
        before = known_builds(site_address(), _say)
        planned = {row.target.id for row in workshop.plan.targets}
        _write(Path(builds), builds_document(results, before, planned, step.run_url if step else None))
    _tell(found, as_json)
    code = next((result.exit_code for result in results if result.state == "failed"), 0)
    if code and not builds:
        sys.exit(code)


def require_host(workshop: cells.Workshop, builder: Builder, target: Target) -> None:
    """Raise what `check_host` raises, after leaving it as the cell's result."""
    try:
        builder.check_host(target)
    except WheelsError as error:
        write_results(workshop.places.logs, [cells.failure(target, error)])
        raise


def _one(plan: Plan, chosen: Selection) -> Target:
    if chosen.is_empty:
        raise InputError("name one cell with --id; 'invoke plan' lists them")
    targets = select(plan, chosen).targets
    if len(targets) != 1:
        raise InputError(f"{len(targets)} cells match; name one with --id")
    return targets[0].target


def _tell(found: Sequence[SummaryRow], as_json: bool) -> None:
    if as_json:
        print_document({"results": [_document(row.result) for row in found]})
        return
    print_for_people(
        *(f"{row.result.state:8} {row.result.target}  {row.result.first_lines}" for row in found), sentence(found)
    )


def _document(result: Result) -> dict[str, object]:
    return {"target": result.target, "state": result.state, "exit_code": result.exit_code, "message": result.message}


def _write(file: Path, document: dict[str, dict[str, str]]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
