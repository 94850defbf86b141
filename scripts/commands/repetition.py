"""`Repetition`: what of a recorded build can be repeated on this machine, and how it then ended."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from scripts.ci.results import Result
from scripts.commands.build_diagnosis import with_cause
from scripts.commands.project import Project
from scripts.dirs import Dirs
from scripts.errors import InputError, PrerequisiteError, WheelsError
from scripts.fetch.installer import find_installer
from scripts.host import find_interpreter, this_host
from scripts.options import options_of, parse_words
from scripts.plan.target import Target
from scripts.versions import minor_of
from scripts.wheel_build.build_options import BuildOptions
from scripts.wheel_build.build_plan import BuildPlan
from scripts.wheel_build.planner import Planner
from scripts.wheel_build.replay import STEPS, Replay
from scripts.wheel_build.replay_file import begin_replay, error_of, replay_of
from scripts.wheel_build.replay_outcome import Difference, differences

ANYWHERE = ("source",)  # the steps that need nothing of the target's own machine


@dataclass(frozen=True, kw_only=True)
class Repetition:
    """What of a recorded build can be repeated here, and why not the rest."""

    recorded: Replay
    place: str  # where that was found
    plan: BuildPlan | None  # none where the build ends before its first step here, as it did there
    here: Replay  # what is known before anything is repeated
    steps: tuple[str, ...]
    why_not: str  # of the steps that are left out; empty where none is
    differences: tuple[Difference, ...]

    @property
    def until(self) -> str:
        """The last step that is repeated, where that is not the last of all."""
        last = self.steps[-1] if self.steps else ""
        return "" if last == STEPS[-1] else last


def plan_repetition(project: Project, recorded: Replay, place: str, until: str) -> Repetition:
    """What can be repeated here up to a step; raises InputError for a target that these tools do not know."""
    target = recorded.parsed_target
    _require_known(project, target, recorded)
    last, op = _read_until(until)
    options, changes = _options_of(recorded, op)
    planner = Planner(facts=project.facts, matrix=project.matrix, dirs=project.dirs, options=options)
    here = begin_replay(target, options, find_installer())
    plan, refusal = _plan_here(planner, target)
    if plan:
        here = replay_of(plan, find_installer())
        return Repetition(
            recorded=recorded,
            place=place,
            plan=plan,
            here=here,
            steps=_until(STEPS, last),
            why_not="",
            differences=(*changes, *differences(recorded, here)),
        )
    as_there = recorded.error is not None and not recorded.error.step and refusal.id == recorded.error.id
    found = differences(replace(recorded, toolchain=None, variables=None, arches=None, cpu_level=None), here)
    return Repetition(
        recorded=recorded,
        place=place,
        plan=None if as_there else planner.elsewhere(target),
        here=replace(here, exit_code=refusal.exit_code, error=error_of(refusal)),
        steps=() if as_there else _until(ANYWHERE, last),
        why_not=str(refusal),
        differences=(*changes, *found),
    )


def ended_with_cause(ended: Replay, dirs: Dirs, start: int) -> Replay:
    """How a repetition ended, with its likeliest cause; its log had `start` bytes before."""
    if ended.error is None:
        return ended
    result = Result(
        target=ended.target,
        exit_code=ended.exit_code or WheelsError.exit_code,
        wheel=None,
        message=ended.error.message,
        error=ended.error.id,
    )
    return replace(ended, diagnosis=with_cause(result, dirs.logs, start).diagnosis)


def _plan_here(planner: Planner, target: Target) -> tuple[BuildPlan | None, PrerequisiteError]:
    """The plan of a build on this machine; none where it cannot be built here, with the reason."""
    reason = PrerequisiteError("")
    if target.platform != this_host().platform:
        reason = PrerequisiteError(
            f"the target is for {target.platform}, and this machine is {this_host().platform}", id="cannot-build-here"
        )
    elif not find_interpreter(target.python):
        reason = PrerequisiteError(f"no Python {target.python} is here", id="cannot-build-here")
    else:
        try:
            return planner.here(target), reason
        except PrerequisiteError as error:
            reason = error
    return None, reason


def _until(steps: tuple[str, ...], last: str) -> tuple[str, ...]:
    return tuple(step for step in steps if not last or STEPS.index(step) <= STEPS.index(last))


def _require_known(project: Project, target: Target, recorded: Replay) -> None:
    facts, matrix = project.facts, project.matrix
    known = (
        target.deepspeed in facts.deepspeed
        and minor_of(target.torch) in facts.torch
        and (target.cuda == "cpu" or target.cuda in matrix.arches)
    )
    if not known:
        commit = f"; the commit that built it does: git checkout {recorded.commit}" if recorded.commit.isalnum() else ""
        raise InputError(f"these tools know nothing of {target.id}{commit}", id="value-not-in-matrix")


def _read_until(until: str) -> tuple[str, str]:
    step, _, op = until.partition(":")
    if until and (step not in STEPS or (op and step != "compile")):
        raise InputError(f"--until {until!r}: give one of {', '.join(STEPS)}, or compile:OP", id="value-not-accepted")
    return step, op


def _options_of(recorded: Replay, op: str) -> tuple[BuildOptions, tuple[Difference, ...]]:
    """The recorded options, without a limit of time, and without a toolkit's directory that is not here."""
    words, changes = list(recorded.options), []
    [toolkit] = [each for each in options_of(BuildOptions) if each.name == "toolkit"]
    if toolkit.flag in words[:-1]:
        place = words.index(toolkit.flag)
        named = words[place + 1]
        if named not in toolkit.stated.choices and not Path(named).is_dir():
            words[place : place + 2] = []
            changes.append(Difference(what="toolkit", recorded=named, here="no directory"))
    options = replace(parse_words(BuildOptions, words), minutes=0)
    return (replace(options, ops=(op,)) if op else options), tuple(changes)
