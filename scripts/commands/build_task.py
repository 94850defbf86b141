"""`invoke build`: every chosen target built, verified and filed, or the commands that do it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict

from scripts.ci.results import write_results
from scripts.commands.answer import print_answer, print_document
from scripts.commands.build_layouts import layouts_of
from scripts.commands.host_targets import targets_to_build
from scripts.commands.nox_call import build_targets, failure, nox_command
from scripts.commands.project import Project, open_project
from scripts.commands.task_options import RunOptions
from scripts.errors import WheelsError
from scripts.plan.selection import Selection
from scripts.plan.target import Target
from scripts.wheel_build.build_options import BuildOptions
from scripts.wheel_build.pipeline import Builder
from scripts.wheel_build.preview import preview


def build(selection: Selection, options: BuildOptions, output: RunOptions) -> None:
    """Build every chosen target and print where the wheels are; the exit code is the first failed one's."""
    project = open_project()
    targets = targets_to_build(project, selection, anywhere=output.dry_run)
    builder = builder_of(project, options)
    if output.dry_run:
        _print_commands(builder, targets, as_json=output.json)
        return
    for target in targets:
        require_host(builder, target)
    results = build_targets(targets, options)
    write_results(project.places.logs, results)
    if output.json:
        print_document({"results": [asdict(result) for result in results]})
    else:
        print_answer(*(f"{result.target}: {result.wheel or result.message}" for result in results))
    code = next((result.exit_code for result in results if result.exit_code), 0)
    if code:
        sys.exit(code)


def builder_of(project: Project, options: BuildOptions) -> Builder:
    """A builder with these options."""
    return Builder(facts=project.facts, matrix=project.matrix, places=project.places, options=options)


def require_host(builder: Builder, target: Target) -> None:
    """Raise what `check_host` raises, after leaving it as the target's result."""
    try:
        builder.check_host(target)
    except WheelsError as error:
        write_results(builder.places.logs, [failure(target, error)])
        raise


def _print_commands(builder: Builder, targets: Sequence[Target], *, as_json: bool) -> None:
    layouts = layouts_of(builder, targets)
    previews = [preview(builder, target, layouts[target.id]) for target in targets]
    front = nox_command(targets, builder.options)
    if as_json:
        found = {one.target.id: one.as_document() for one in previews}
        print_document({"run": front.as_shell(), "targets": found})
        return
    for one in previews:
        print_answer(one.as_script(), "")
    print_answer("# all of it, with the compile commands that are recorded on the way:", front.as_shell())
