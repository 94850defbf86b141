"""The nox call that builds targets, one build of a target at a time, and how each ended."""

from __future__ import annotations

import atexit
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import asdict, replace
from pathlib import Path

from scripts.ci.results import Result, failure, not_begun
from scripts.command import Command, run_in_front
from scripts.commands.answer import log_line
from scripts.dirs import CHECKOUT
from scripts.errors import InterruptedBuildError, WheelsError
from scripts.locks import locked
from scripts.outgoing import redacted_values
from scripts.plan.target import Target
from scripts.wheel.manifest import origins_of
from scripts.wheel_build.build_options import BuildOptions
from scripts.wheel_build.build_plan import BuildPlan
from scripts.wheel_build.handed_plans import DEADLINE, PLANS, write_plans
from scripts.wheel_build.preflight import environment_of

RESULTS = "DEEPSPEED_WHEELS_RESULTS"  # a file that the nox sessions append their results to
OVER = "the time given was over"
STOPPED = "the build before it was stopped"


def nox_command(targets: Sequence[Target], options: BuildOptions) -> Command:
    """The nox call that builds these targets."""
    words = options.as_words()
    names = (target.id for target in targets)
    program = (sys.executable, "-m", "nox", "--error-on-missing-interpreters")
    argv = (*program, "--sessions", *names, *(("--", *words) if words else ()))
    return Command(argv=argv, cwd=CHECKOUT)


def build_targets(plans: Sequence[BuildPlan], options: BuildOptions) -> Iterator[Result]:
    """How each plan ended, as it ends, one after the other; what fails keeps no other back.

    When one was stopped, by hand or because the `--minutes` are over, the rest is not begun.
    """
    deadline = time.time() + 60 * options.minutes if options.minutes else None
    stopped = ""
    for number, plan in enumerate(plans):
        if not stopped and deadline and number and time.time() > deadline:
            stopped = OVER
        if stopped:
            yield not_begun(plan.target, stopped)
            continue
        try:
            result = _build(plan, options, deadline)
        except WheelsError as error:  # another process builds it, or its plan cannot be handed over
            if len(plans) == 1:
                raise
            result = failure(plan.target, error)
        if result.exit_code == InterruptedBuildError.exit_code:
            stopped = STOPPED
        yield result


def _build(plan: BuildPlan, options: BuildOptions, deadline: float | None) -> Result:
    """How one plan ended. Nox runs in the foreground and shows the progress; its session is handed the plan."""
    with ExitStack() as locks, tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as directory:
        locks.enter_context(lock_target(plan.target, wait=options.wait))
        results, handed = Path(directory) / "results.jsonl", Path(directory) / "plans"
        results.touch()
        write_plans(handed, [plan])
        limit = {DEADLINE: str(deadline)} if deadline else {}
        command = nox_command([plan.target], options)
        lost: WheelsError = WheelsError("nox ended before this target reported; its output above has the reason")
        try:
            run_in_front(replace(command, env={RESULTS: str(results), PLANS: str(handed), **limit}))
        except KeyboardInterrupt:
            lost = InterruptedBuildError("stopped before this target was built; the same command resumes")
        return next(_reported(results), None) or failure(plan.target, lost)


def _reported(file: Path) -> Iterator[Result]:
    """The results that the sessions wrote; a line that nox was ended in is none."""
    for line in file.read_text(encoding="utf-8").splitlines():
        with suppress(ValueError, TypeError):
            yield Result(**json.loads(line))


def lock_target(target: Target, *, wait: bool = True) -> AbstractContextManager[None]:
    """This checkout's lock on a target: two builds of it would take each other's environment away."""
    return locked(environment_of(target), f"{target.id} is being built", wait=wait, log=log_line)


def lock_named(words: Sequence[str], targets: Sequence[Target]) -> None:
    """Hold this checkout's locks on the targets that a nox command line names, as long as this process lives.

    Nox makes their environments anew before their sessions begin.
    """
    named = {part for word in words for part in word.split("=")}
    locks = ExitStack()
    atexit.register(locks.close)
    for target in sorted(targets, key=lambda target: target.id):
        if target.id in named:
            locks.enter_context(lock_target(target, wait="--no-wait" not in named))


def report_result(target: Target, wheel: Path | None, error: WheelsError | None) -> None:
    """Hand the waiting `invoke build` how a target ended; nothing when nobody waits."""
    file = os.environ.get(RESULTS)
    if file:
        found = {"wheel": str(wheel), "origins": origins_of(wheel)} if wheel else {"wheel": None}
        filed = Result(target=target.id, exit_code=0, message=None, **found)
        result = failure(target, error) if error else filed
        try:
            with Path(file).open("a", encoding="utf-8") as results:
                results.write(json.dumps(redacted_values(asdict(result))) + "\n")
        except OSError as reason:
            sys.stderr.write(f"{file} cannot be written: {reason.strerror}; nobody will know how {target.id} ended\n")
