"""`invoke build`: every chosen target built, verified and filed, or the lines that do it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace

from scripts.ci.results import Result, write_results
from scripts.commands.answer import log_line, print_answer, print_document, print_lines
from scripts.commands.build_diagnosis import log_ends, with_cause
from scripts.commands.build_replay import complete_replay, forget_replays
from scripts.commands.host_targets import targets_to_build
from scripts.commands.nox_call import build_targets, failure, nox_command
from scripts.commands.project import Project, open_project
from scripts.commands.task_options import RunOptions
from scripts.errors import PrerequisiteError, WheelsError
from scripts.fetch.installer import find_installer
from scripts.host import this_host
from scripts.plan.selection import Selection
from scripts.plan.target import Target
from scripts.wheel_build.build_options import BuildOptions
from scripts.wheel_build.build_plan import BuildPlan
from scripts.wheel_build.dry_run import DryRun
from scripts.wheel_build.layout import layout_elsewhere, layout_here
from scripts.wheel_build.planner import Planner
from scripts.wheel_build.preflight import require_disks
from scripts.wheel_build.unchanged import find_unchanged


def build(selection: Selection, options: BuildOptions, output: RunOptions) -> None:
    """Build every chosen target and print where the wheels are; the exit code is the first failed one's."""
    project = open_project()
    targets = targets_to_build(project, selection, anywhere=output.dry_run)
    planner = planner_of(project, options)
    if output.dry_run:
        _print_lines(planner, targets, as_json=output.json)
        return
    plans, done = _sorted_out(planner, targets, again=output.again or not options.cache)
    forget_replays(project.dirs.logs, [plan.target for plan in plans], options)
    ends = log_ends(project.dirs.logs, [target.id for target in targets])
    ended = [replace(result, ops=",".join(options.ops)) for result in build_targets(plans, options)] if plans else []
    results = [*done, *(with_cause(result, project.dirs.logs, ends[result.target]) for result in ended)]
    if output.json:
        print_document({"results": [asdict(result) for result in results]})
    else:
        print_answer(*(f"{result.target}: {result.wheel or result.message}" for result in results))
    write_results(project.dirs.logs, results)
    for result in results[len(done) :]:
        complete_replay(project.dirs.logs, result, options)
    _show_causes(results)
    code = next((result.exit_code for result in results if result.exit_code), 0)
    if code:
        sys.exit(code)


def _sorted_out(planner: Planner, targets: Sequence[Target], *, again: bool) -> tuple[list[BuildPlan], list[Result]]:
    """The plans to carry out, on disks with room for them, and the results of the targets that need nothing."""
    plans, done = [], []
    for plan in plans_here(planner, targets):
        wheel = None if again else find_unchanged(plan, planner.dirs)
        if wheel is None:
            plans.append(plan)
            continue
        log_line(f"{plan.target.id}: nothing has changed since its wheel was built and verified; --again builds it")
        ops = ",".join(plan.options.ops)
        done.append(Result(target=plan.target.id, exit_code=0, wheel=str(wheel), message=None, ops=ops, unchanged=True))
    with _kept(planner, [plan.target for plan in plans]):
        require_disks(plans, planner.dirs, find_installer())
    return plans, done


def planner_of(project: Project, options: BuildOptions) -> Planner:
    """What makes build plans with these options."""
    return Planner(facts=project.facts, matrix=project.matrix, dirs=project.dirs, options=options)


def plans_here(planner: Planner, targets: Sequence[Target]) -> list[BuildPlan]:
    """The plans of builds on this machine; what stands against a target is left as its result, and raised."""
    plans = []
    for target in targets:
        with _kept(planner, [target]):
            plans.append(planner.here(target))
    return plans


def _show_causes(results: Iterable[Result]) -> None:
    """The likeliest cause of each failure, once where several targets share one."""
    for line in dict.fromkeys("\n".join(result.cause_lines) for result in results if result.cause_lines):
        log_line(line)


@contextmanager
def _kept(planner: Planner, targets: Sequence[Target]) -> Iterator[None]:
    """An error of the block is the result of these targets."""
    try:
        yield
    except WheelsError as error:
        with suppress(OSError):  # of a disk that cannot even take that
            ends = log_ends(planner.dirs.logs, [target.id for target in targets])  # no build has added anything
            failed = [replace(failure(target, error), ops=",".join(planner.options.ops)) for target in targets]
            told = [with_cause(one, planner.dirs.logs, ends[one.target]) for one in failed]
            write_results(planner.dirs.logs, told)
            forget_replays(planner.dirs.logs, targets, planner.options)
            for result in told:
                complete_replay(planner.dirs.logs, result, planner.options)
            _show_causes(told)
        raise


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
