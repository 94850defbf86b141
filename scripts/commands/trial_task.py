"""`invoke trial`: four builds, the least certain first, and what to send of them."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Iterator, Sequence

from scripts.ci.results import Result
from scripts.command import Command, ask, run_in_front
from scripts.commands.answer import log_line, print_lines
from scripts.commands.build_diagnosis import log_ends
from scripts.commands.host_targets import buildable
from scripts.commands.project import Project, open_project
from scripts.commands.task_options import TrialOptions
from scripts.commands.trial_archive import forget, keep_result, result_of, write_archive
from scripts.dirs import CHECKOUT
from scripts.errors import InputError, InterruptedBuildError, NothingToDoError, PrerequisiteError
from scripts.host import describe, this_host
from scripts.plan.ops import choose_ops
from scripts.plan.target import Target
from scripts.plan.trial_targets import LEAST_CERTAIN_FIRST, trial_targets
from scripts.shell import shell_line
from scripts.wheel_build.build_options import BuildOptions

ARCHIVE = "trial.zip"  # in the directory of logs
SURVEY_SECONDS = 300.0


def trial(options: TrialOptions, build: BuildOptions) -> None:
    """Build the trial's targets one after the other, whatever becomes of each, and leave an archive to send.

    The archive is written when the trial is stopped, too. The exit code is the first failed build's. Raises
    NothingToDoError for a machine that can build none, PrerequisiteError for another system, InputError for ops that
    none of the targets can have.
    """
    project = open_project()
    targets = _targets(project, options)
    _require_ops(project, targets, build)
    if options.dry_run:
        print_lines(lines_of(targets, project, build))
        return
    told = _machine(targets)
    before = log_ends(project.dirs.logs, [target.id for target in targets])
    for target in targets:
        forget(target, project.dirs, build.ops)
    codes = []
    try:
        for number, target in enumerate(targets, 1):
            log_line(f"trial {number} of {len(targets)}: {target.id}")
            codes.append(code := run_in_front(_build(target, build)))
            keep_result(target, project.dirs, build.ops, code)
            if code == InterruptedBuildError.exit_code and not build.minutes:
                break
    finally:
        results = {target: result_of(target, project.dirs, build.ops) for target in targets}
        print_lines([line for target, result in results.items() for line in _ending(target, result)])
        print_lines(_absent(targets))
        file = project.dirs.logs / ARCHIVE
        write_archive(file, targets, project.dirs, told, build.ops, before)
        print_lines(["", *_what_to_send(str(file))])
    if failed := next(filter(None, codes), 0):
        sys.exit(failed)


def lines_of(targets: Sequence[Target], project: Project, build: BuildOptions) -> list[str]:
    """The lines that the trial runs, as they are typed."""
    lines = [" ".join(["invoke", *_words(target, build)]) for target in targets]
    return [*lines, *_absent(targets), str(project.dirs.logs / ARCHIVE)]


def _targets(project: Project, options: TrialOptions) -> tuple[Target, ...]:
    """The trial's targets of this machine; of another system where a dry run names one."""
    here, wanted = this_host(), options.platform
    if wanted in ("", here.platform):
        possible: Sequence[Target] = buildable(project.plan)
    elif not options.dry_run:
        raise PrerequisiteError(
            f"nothing for {wanted} can be built here: this is {describe()}; --dry-run shows the lines",
            id="cannot-build-here",
        )
    else:
        possible = [each.target for each in project.plan.targets if each.target.platform == wanted]
    found = trial_targets(possible, here.python)
    if not found:
        raise NothingToDoError(
            f"the matrix has no target for {describe()}; 'invoke plan' lists what it has", id="no-target-for-host"
        )
    return found


def _require_ops(project: Project, targets: Sequence[Target], build: BuildOptions) -> None:
    """Raise InputError when none of the targets can have the ops that are asked for: it would fail four times."""
    refusals = []
    for target in targets:
        try:
            choose_ops(project.facts.ops, target, build.ops or None)
        except InputError as error:
            refusals.append(error)
    if len(refusals) == len(targets):
        raise refusals[0]


def _words(target: Target, build: BuildOptions) -> tuple[str, ...]:
    return ("build", "--id", target.id, *build.as_words())


def _build(target: Target, build: BuildOptions) -> Command:
    return Command(argv=(sys.executable, "-m", "invoke", *_words(target, build)), cwd=CHECKOUT)


def _machine(targets: Sequence[Target]) -> dict[str, str]:
    """What is told beside the builds: the system, and which compilers it has for each target."""
    told = {"machine.json": json.dumps({"host": describe(), "system": platform.platform()}, indent=2) + "\n"}
    for number, target in enumerate(targets, 1):
        log_line(f"looking for compilers {number} of {len(targets)}: {target.id}")
        argv = [sys.executable, "-m", "invoke", "toolchain", "--id", target.id, "--json"]
        answer = ask(argv, seconds=SURVEY_SECONDS, cwd=CHECKOUT)
        told[f"{target.id}/toolchain.json"] = answer.output or answer.errors
    return told


def _ending(target: Target, result: Result | None) -> Iterator[str]:
    """How the build of a target ended, and why it failed."""
    if result is None:
        yield f"not built: {target.id}"
    elif not result.exit_code:
        yield f"built and verified: {target.id}"
    else:
        yield f"failed, exit code {result.exit_code}: {target.id}"
        yield from (f"  {line}" for line in result.error_line.splitlines()[:1])
        yield from (f"  {line}" for line in result.cause_lines)


def _absent(targets: Sequence[Target]) -> list[str]:
    """The kinds that this machine has no target of, which may be for its Python alone."""
    there = {target.cuda for target in targets}
    return [
        f"not tried: {cuda}, for which no Python of this machine has a target"
        for cuda in LEAST_CERTAIN_FIRST
        if cuda not in there
    ]


def _what_to_send(file: str) -> tuple[str, ...]:
    return (
        f"Please send {file}: open an issue of this project and attach it, whether the builds failed or not.",
        "It holds logs, manifests and which compilers are here, with the names of folders, ~ for a person's; no wheel.",
        f"What its logs say: {shell_line(['invoke', 'diagnose', file])}",
    )
