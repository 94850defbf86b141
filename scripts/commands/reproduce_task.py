"""`invoke reproduce`: a recorded build once more, with what differs before, and whether it ended alike behind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from scripts.ci.replay_source import find_replay
from scripts.commands.answer import log_line, print_document, print_lines
from scripts.commands.build_diagnosis import log_ends
from scripts.commands.hosted_options import ReproduceOptions
from scripts.commands.project import open_project
from scripts.commands.repetition import Repetition, ended_with_cause, plan_repetition
from scripts.dirs import Dirs
from scripts.errors import PrerequisiteError, WheelsError
from scripts.fetch.installer import environment_python, find_installer
from scripts.host import find_interpreter
from scripts.publish.github_client import READING, GitHubClient
from scripts.publish.store_address import github_api, github_token
from scripts.wheel_build.capture import UPSTREAM, setup_command
from scripts.wheel_build.environments import LOCKED, LockedEnvironments
from scripts.wheel_build.locked_packages import lock_command
from scripts.wheel_build.pipeline import environment_of, note_source
from scripts.wheel_build.produce import make
from scripts.wheel_build.repeated_build import repeat_build, repeat_source
from scripts.wheel_build.replay import STEPS, Replay, read_replay
from scripts.wheel_build.replay_outcome import Verdict, compare, differences_behind, ending_there

FOLDER = "reproduced"  # in the directory of logs: what repetitions leave


def reproduce(options: ReproduceOptions) -> None:
    """Repeat a recorded build; raises WheelsError when it ends otherwise."""
    project = open_project()
    dirs = replace(project.dirs, logs=project.dirs.logs / FOLDER)
    client = GitHubClient(github_api(), _token(options.what), READING, log_line)
    found = find_replay(options.what, options.id, project.dirs.logs, client, log_line)
    recorded = read_replay(found.content, found.place)
    repetition = plan_repetition(project, recorded, found.place, options.until)
    if not options.json:
        print_lines(_before(repetition, dirs))
    nothing = options.dry_run or (repetition.plan is not None and not repetition.steps)
    ended = None if nothing else repeat(repetition, dirs)
    verdict = compare(recorded, ended, repetition.until) if ended else None
    if options.json:
        print_document(_document(repetition, dirs, ended, verdict))
    elif ended and verdict:
        print_lines(_behind(repetition, ended, verdict, dirs))
    if verdict and verdict.same is False:
        raise WheelsError(f"{recorded.target} ended otherwise than recorded: {verdict.words}", id="outcome-differs")


def repeat(repetition: Repetition, dirs: Dirs) -> Replay:
    """How the repetition ended, with its likeliest cause."""
    plan, recorded, installer = repetition.plan, repetition.recorded, find_installer()
    start = log_ends(dirs.logs, [recorded.target])[recorded.target]
    if plan is None:
        ended = repetition.here
    elif repetition.why_not:
        ended = repeat_source(plan, note_source, installer, dirs)
    else:
        work = dirs.work(plan.target.id)
        environments = LockedEnvironments(
            plan=plan,
            installer=installer,
            python=environment_python(work / "environment"),
            interpreter=find_interpreter(plan.target.python) or "",
            work=work,
            recorded=recorded,
        )
        ended = repeat_build(environments, make, repetition.until, dirs)
    return ended_with_cause(ended, dirs, start)


def _token(what: str) -> str:
    """GitHub's token; raises PrerequisiteError where one is needed and not there."""
    token = github_token()
    if not token and what.startswith("https://github.com/"):
        raise PrerequisiteError(
            "artifacts and logs of jobs need a token in GITHUB_TOKEN or GH_TOKEN, whatever it may; or download the "
            "artifact and give its path",
            id="token-needed",
        )
    return token


def _before(repetition: Repetition, dirs: Dirs) -> list[str]:
    recorded = repetition.recorded
    lines = [recorded.target, f"  from {repetition.place}", f"  it ended there: {ending_there(recorded)}"]
    lines += [f"  differs: {difference}" for difference in repetition.differences]
    if not repetition.differences:
        lines.append("  nothing differs that is known before it begins")
    if repetition.why_not:
        rest = [step for step in STEPS if step not in repetition.steps]
        first, *more = repetition.why_not.splitlines()
        lines += [f"  not repeated here: {', '.join(rest)}: {first}", *(f"    {line.strip()}" for line in more)]
    for step, commands in _steps(repetition, dirs).items():
        lines += [f"  step {step}", *(f"    {command}" for command in commands)]
    return lines


def _steps(repetition: Repetition, dirs: Dirs) -> Mapping[str, Sequence[str]]:
    """What each repeated step runs or does."""
    plan, recorded = repetition.plan, repetition.recorded
    if plan is None:
        return {}
    work, installer = dirs.work(plan.target.id), find_installer()
    python = environment_python(work / "environment")
    interpreter = find_interpreter(plan.target.python) or "python"
    patches = ", ".join(recorded.source.patches) if recorded.source else "as planned"
    setup = setup_command(plan, work, python, UPSTREAM, environment_of(plan, plan.toolchain))
    ops = ", ".join(choice.name for choice in plan.ops.chosen)
    checked = sum(bool(one.sha256) for one in recorded.packages)
    told = {
        "environment": [
            installer.create(work / "environment", interpreter).as_shell(),
            *(
                [lock_command(installer, python, recorded.packages, work / "environment" / LOCKED, None).as_shell()]
                if recorded.packages
                else []
            ),
            f"{len(recorded.packages)} packages, {checked} of them with their digests",
        ],
        "toolchain": [plan.toolchain.host.name, *([f"CUDA {plan.toolchain.cuda}"] if plan.toolchain.cuda else [])],
        "source": [
            f"{recorded.source.kind} {recorded.source.file}, sha256 {recorded.source.sha256}"
            if recorded.source
            else f"DeepSpeed {plan.target.deepspeed}",
            f"patches: {patches or 'none'}",
        ],
        "record": [setup.as_shell()],
        "compile": [ops],
        "package": [plan.target.wheel_name],
        "verification": [plan.options.verify],
    }
    return {step: told[step] for step in repetition.steps}


def _behind(repetition: Repetition, ended: Replay, verdict: Verdict, dirs: Dirs) -> list[str]:
    changed = differences_behind(repetition.recorded, ended)
    cause = ended.diagnosis.lines if ended.diagnosis else ()
    return [
        *(f"  differs: {difference}" for difference in changed),
        *_source_difference(repetition.recorded, ended),
        *cause,
        f"outcome: {verdict.words}",
        f"log: {dirs.log(ended.target)}",
    ]


def _source_difference(recorded: Replay, ended: Replay) -> list[str]:
    if not (recorded.source and ended.source):
        return []
    same = recorded.source.sha256 == ended.source.sha256 and recorded.source.patches == ended.source.patches
    return [
        "  source: the same archive and patches" if same else "  differs: source: another archive, or other patches"
    ]


def _document(repetition: Repetition, dirs: Dirs, ended: Replay | None, verdict: Verdict | None) -> dict[str, Any]:
    recorded = repetition.recorded
    changed = differences_behind(recorded, ended) if ended else ()
    return {
        "target": recorded.target,
        "from": repetition.place,
        "differences": [asdict(difference) for difference in (*repetition.differences, *changed)],
        "steps": {step: list(commands) for step, commands in _steps(repetition, dirs).items()},
        "not_repeated": [step for step in STEPS if step not in repetition.steps],
        "why_not": repetition.why_not or None,
        "recorded": _told(recorded),
        "here": _told(ended) if ended else None,
        "same": verdict.same if verdict else None,
        "outcome": verdict.words if verdict else None,
    }


def _told(replay: Replay) -> dict[str, Any]:
    return {
        "exit_code": replay.exit_code,
        "error": asdict(replay.error) if replay.error else None,
        "failed_ops": list(replay.failed_ops),
        "diagnosis": asdict(replay.diagnosis) if replay.diagnosis else None,
        "wheel": asdict(replay.wheel) if replay.wheel else None,
    }
