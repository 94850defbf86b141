"""`invoke build`: every chosen target built, verified and filed, or the lines that do it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict

from scripts.ci.results import Result
from scripts.commands.answer import log_line, print_answer, print_document, print_lines
from scripts.commands.host_targets import require_here, targets_to_build
from scripts.commands.kept_results import KeptResults, show_causes
from scripts.commands.nox_call import build_targets, nox_command
from scripts.commands.offered_ops import with_offered_wheels
from scripts.commands.project import open_project
from scripts.commands.project_planner import planner_of
from scripts.commands.task_options import RunOptions
from scripts.dirs import Dirs
from scripts.errors import InterruptedBuildError, PrerequisiteError, WheelsError
from scripts.fetch.installer import find_installer
from scripts.host import this_host
from scripts.plan.build_order import as_typed, in_build_order, newest_first
from scripts.plan.selection import Selection
from scripts.plan.target import Target
from scripts.wheel_build.build_options import BuildOptions
from scripts.wheel_build.build_plan import BuildPlan
from scripts.wheel_build.dry_run import DryRun
from scripts.wheel_build.layout import layout_elsewhere, layout_here
from scripts.wheel_build.planner import Planner
from scripts.wheel_build.preflight import require_disks
from scripts.wheel_build.tidying import tidy_up
from scripts.wheel_build.unchanged import find_unchanged


def build(selection: Selection, options: BuildOptions, output: RunOptions) -> None:
    """Build every chosen target and print where the wheels are; the exit code is the first failed one's."""
    project = open_project()
    chosen = targets_to_build(project, selection, anywhere=output.dry_run)
    targets, planner = _ordered(chosen, selection, project.dirs), planner_of(project, options)
    if output.dry_run:
        _print_lines(planner, targets, as_json=output.json)
        return
    results = _build_all(planner, targets, output)
    if output.json:
        print_document({"results": [asdict(result) for result in results]})
    else:
        print_answer(*(f"{result.target}: {result.wheel or result.message}" for result in results))
    show_causes(results)
    code = next((result.exit_code for result in results if result.exit_code), 0)
    if code:
        sys.exit(code)


def _ordered(targets: Sequence[Target], selection: Selection, dirs: Dirs) -> tuple[Target, ...]:
    """The targets in the order in which they are built: that of their ids, else what was begun and the newest."""
    begun = [target.id for target in targets if (dirs.work(target.id) / "objects").exists()]
    return in_build_order(as_typed(newest_first(targets), selection.id), begun)


def _build_all(planner: Planner, targets: Sequence[Target], output: RunOptions) -> list[Result]:
    """How each target ended, kept beside its log as soon as it is known."""
    kept = KeptResults(logs=planner.dirs.logs, options=planner.options)
    plans, results = plans_here(planner, targets, kept)
    again = output.again or not planner.options.cache
    done = {} if again else {plan.target: wheel for plan in plans if (wheel := find_unchanged(plan, planner.dirs))}
    for target, wheel in done.items():
        log_line(f"{target.id}: nothing has changed since its wheel was built and verified; --again builds it")
        results.append(kept.unchanged(target, wheel))
    plans = with_offered_wheels([plan for plan in plans if plan.target not in done])
    with kept.as_failures([plan.target for plan in plans]):
        require_disks(plans, planner.dirs, find_installer(), one_torch=output.tidy)
    kept.begin([plan.target for plan in plans])
    for number, result in enumerate(build_targets(plans, planner.options)):
        results.append(kept.ended(result))
        for following in plans[number + 1 : number + 2]:
            kept.begin_next(following.target)
        if output.tidy and result.exit_code != InterruptedBuildError.exit_code:
            tidy_up(plans[number], plans[number + 1 :], planner.dirs, find_installer(), log_line)
    places = {target.id: place for place, target in enumerate(targets)}
    return sorted(results, key=lambda result: places[result.target])


def plans_here(planner: Planner, targets: Sequence[Target], kept: KeptResults) -> tuple[list[BuildPlan], list[Result]]:
    """The plans of builds on this machine, and the failures of targets that something stands against.

    What stands against the only one, or against all of them, is raised.
    """
    plans, failures, errors = [], [], []
    for target in targets:
        try:
            require_here(target)
            plans.append(planner.here(target))
        except WheelsError as error:
            failures += kept.failed([target], error)
            errors.append(error)
    if errors and not plans:
        show_causes(failures)
        raise errors[0]
    for one in errors:
        log_line(one.line)
    return plans, failures


def dry_run(planner: Planner, target: Target) -> DryRun:
    """What a build of the target would run, here for a target of this platform, else on a machine of its own."""
    if target.platform != this_host().platform:
        plan = planner.elsewhere(target)
        return DryRun(plan=plan, layout=layout_elsewhere(plan))
    problem = None
    try:
        plan = planner.here(target)
    except PrerequisiteError as error:
        plan, problem = planner.elsewhere(target), str(error)
    try:
        require_disks([plan], planner.dirs, find_installer(), make=False)
    except PrerequisiteError as error:
        problem = "\n".join(filter(None, [problem, str(error)]))
    return DryRun(plan=plan, layout=layout_here(plan, planner.facts, planner.dirs), problem=problem)


def _print_lines(planner: Planner, targets: Sequence[Target], *, as_json: bool) -> None:
    found = [dry_run(planner, target) for target in targets]
    front = nox_command(targets, planner.options).as_shell()
    if as_json:
        print_document({"run": front, "targets": {one.plan.target.id: one.as_document() for one in found}})
        return
    scripts = [f"{one.as_script()}\n{one.mark} the same in one line: {one.repeat}\n" for one in found]
    print_lines("\n".join(scripts).splitlines())
