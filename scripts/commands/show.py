"""The tasks themselves, as functions of parsed options: decide, run, answer as a table or one JSON document."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import cast, get_args

from scripts.ci.results import write_results
from scripts.commands import cells, hosted, publishing
from scripts.commands.cli import print_document, print_for_people, words
from scripts.errors import InputError
from scripts.plan.report import plan_document, plan_tables
from scripts.plan.selection import Selection, select
from scripts.plan.shard import shard_of
from scripts.plan.target import Target
from scripts.toolchain.survey import survey
from scripts.verify.levels import Level, verify_wheel
from scripts.verify.promises import read_promises
from scripts.wheel_build.options import BuildOptions
from scripts.wheel_build.preview import preview


def selection(
    py: Sequence[str],
    torch: Sequence[str],
    cuda: Sequence[str],
    deepspeed: Sequence[str],
    platform: Sequence[str],
    ids: Sequence[str],
) -> Selection:
    """The selectors as typed; when none was, those that a workflow hands over in variables."""
    typed = Selection(
        py=words(py),
        torch=words(torch),
        cuda=words(cuda),
        deepspeed=words(deepspeed),
        platform=words(platform),
        ids=words(ids),
    )
    return hosted.handed_over() if typed.is_empty else typed


def plan(
    chosen: Selection, omitted: bool, shard: str, max_jobs: int, missing: bool, store: str, matrix: bool, json: bool
) -> None:
    """Print the plan, or the workflow's next jobs with `matrix`."""
    found = cells.open_workshop().plan
    if not chosen.is_empty:
        found = select(found, chosen)
    if store and not missing:
        raise InputError("--store is where --missing looks; give both or neither")
    if missing:
        found = publishing.missing(found, store)
    if matrix and shard:
        raise InputError("--matrix takes the first cells of the queue, the next run the next ones; leave --shard out")
    if matrix:
        hosted.next_matrix(found, max_jobs)
        return
    found = shard_of(found, shard, max_jobs)
    if json:
        print_document(plan_document(found))
    else:
        print_for_people(*plan_tables(found, omitted=omitted))


def build(chosen: Selection, build_with: BuildOptions, dry_run: bool, json: bool) -> None:
    """Build every chosen cell and print where the wheels are; the exit code is the first failed cell's."""
    workshop = cells.open_workshop()
    targets = cells.cells_to_build(workshop, chosen, anywhere=dry_run)
    if dry_run:
        _show_commands(workshop, targets, build_with, json)
        return
    builder = workshop.builder(build_with)
    for target in targets:
        hosted.require_host(workshop, builder, target)
    results = cells.build_cells(targets, build_with)
    write_results(workshop.places.logs, results)
    if json:
        print_document({"results": [asdict(result) for result in results]})
    else:
        print_for_people(*(f"{result.target}: {result.wheel or result.message}" for result in results))
    code = next((result.exit_code for result in results if result.exit_code), 0)
    if code:
        sys.exit(code)


def toolchain(chosen: Selection, environment: bool, json: bool) -> None:
    """Print what this machine has to compile the newest of the chosen cells with."""
    workshop = cells.open_workshop()
    target = cells.cells_to_build(workshop, chosen, anywhere=True)[-1]
    cells.require_platform(target)
    context = workshop.matrix.context_of(target, workshop.facts)
    found = survey(target, workshop.facts, context, workshop.places.captured, workshop.places.cache)
    if json:
        print_document(found.as_document())
    elif environment:
        print_for_people(*(f"{name}={value}" for name, value in sorted(found.variables.items())))
    else:
        print_for_people(*found.as_lines())


def verify(wheel: Path, level: str, python: Path | None, json: bool) -> None:
    """Print the proof of a wheel; exit code 19 when it fails."""
    if level not in get_args(Level):
        raise InputError(f"--level {level!r}: give one of {', '.join(get_args(Level))}")
    report = verify_wheel(wheel, cast(Level, level), python=python, promises=read_promises(wheel))
    if json:
        print_document(report.as_document())
    else:
        print_for_people(report.as_table())
    report.require()


def _show_commands(workshop: cells.Workshop, targets: Sequence[Target], chosen: BuildOptions, json: bool) -> None:
    builder = workshop.builder(chosen)
    layouts = cells.layouts_of(builder, targets)
    previews = [preview(builder, target, layouts[target.id]) for target in targets]
    front = cells.nox_command(targets, chosen)
    if json:
        found = {one.target.id: one.as_document() for one in previews}
        print_document({"run": front.as_shell(), "targets": found})
        return
    for one in previews:
        print_for_people(one.as_script(), "")
    print_for_people("# all of it, with the compile commands that are recorded on the way:", front.as_shell())
