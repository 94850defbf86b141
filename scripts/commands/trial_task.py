"""`invoke trial`: four builds, the least certain first, and what to send of them."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Sequence

from scripts.command import Command, ask, run_in_front
from scripts.commands.answer import log_line, print_lines
from scripts.commands.host_targets import buildable
from scripts.commands.project import Project, open_project
from scripts.commands.task_options import TrialOptions
from scripts.commands.trial_archive import exit_code_of, forget, write_archive
from scripts.dirs import CHECKOUT
from scripts.errors import InterruptedBuildError, NothingToDoError
from scripts.host import describe, this_host
from scripts.plan.target import Target
from scripts.plan.trial_targets import LEAST_CERTAIN_FIRST, trial_targets

ARCHIVE = "trial.zip"  # in the directory of logs
SURVEY_SECONDS = 300.0


def trial(options: TrialOptions) -> None:
    """Build the trial's targets one after the other, whatever becomes of each, and leave an archive to send.

    The exit code is the first failed build's. Raises NothingToDoError for a machine that can build none.
    """
    project = open_project()
    targets = _targets(project, options.platform)
    if options.dry_run:
        print_lines(lines_of(targets, project))
        return
    for number, target in enumerate(targets, 1):
        log_line(f"trial {number} of {len(targets)}: {target.id}")
        forget(target, project.dirs)
        if run_in_front(_build(target)) == InterruptedBuildError.exit_code:
            break
    file = project.dirs.logs / ARCHIVE
    write_archive(file, targets, project.dirs, _machine(targets))
    codes = {target: exit_code_of(target, project.dirs) for target in targets}
    print_lines([f"{_ending(code):40} {target.id}" for target, code in codes.items()])
    print_lines(
        [
            "",
            f"Please send {file}: open an issue of this project and attach it, whether the builds failed or not.",
            "It holds logs, manifests and which compilers are here, with the names of your folders; no wheel.",
        ]
    )
    if failed := next((code for code in codes.values() if code), 0):
        sys.exit(failed)


def lines_of(targets: Sequence[Target], project: Project) -> list[str]:
    """The lines that the trial runs, as they are typed."""
    lines = [f"invoke build --id {target.id}" for target in targets]
    absent = [cuda for cuda in LEAST_CERTAIN_FIRST if cuda not in {target.cuda for target in targets}]
    return [*lines, *(f"(no target with {cuda} for this machine)" for cuda in absent), str(project.dirs.logs / ARCHIVE)]


def _targets(project: Project, wanted: str) -> tuple[Target, ...]:
    """The trial's targets of this machine; of another system where one is named, which only a dry run can use."""
    here = this_host()
    if wanted in ("", here.platform):
        possible: Sequence[Target] = buildable(project.plan)
    else:
        possible = [each.target for each in project.plan.targets if each.target.platform == wanted]
    found = trial_targets(possible, here.python)
    if not found:
        raise NothingToDoError(
            f"the matrix has no target for {describe()}; 'invoke plan' lists what it has", id="no-target-for-host"
        )
    return found


def _build(target: Target) -> Command:
    return Command(argv=(sys.executable, "-m", "invoke", "build", "--id", target.id), cwd=CHECKOUT)


def _machine(targets: Sequence[Target]) -> dict[str, str]:
    """What is told beside the builds: the system, and which compilers it has for each target."""
    told = {"machine.json": json.dumps({"host": describe(), "system": platform.platform()}, indent=2) + "\n"}
    for target in targets:
        argv = [sys.executable, "-m", "invoke", "toolchain", "--id", target.id, "--json"]
        answer = ask(argv, seconds=SURVEY_SECONDS, cwd=CHECKOUT)
        told[f"{target.id}/toolchain.json"] = answer.output or answer.errors
    return told


def _ending(code: int | None) -> str:
    if code is None:
        return "not built"
    return f"failed, exit code {code}" if code else "built and verified"
