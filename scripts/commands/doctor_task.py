"""`invoke doctor`: what is right, wrong, missing or unknown here, to run a wheel or to build one, and what mends it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence

from scripts.command import Command, run_in_front
from scripts.commands.answer import log_line, print_document, print_lines
from scripts.commands.project import Project, open_project
from scripts.commands.task_options import DoctorOptions
from scripts.doctor.cuda_home import guide_lines
from scripts.doctor.examination import examine, summary
from scripts.doctor.prerequisite import Prerequisite
from scripts.errors import PrerequisiteError
from scripts.install.environment import Environment, read_environment
from scripts.plan.target import Target

GUIDED = {"cuda-home", "import-probe"}
NEXT = {"run": "invoke find", "build": "invoke build"}


def doctor(options: DoctorOptions) -> None:
    """Print what was found; raises PrerequisiteError when something is wrong or missing, also after it was mended."""
    findings = look(options)
    fixes = [finding for finding in findings if finding.is_bad and finding.words]
    if not options.json:
        print_lines(report(findings, options))
    if options.fix and fixes:
        _mend(fixes, dry_run=options.dry_run)
        findings = findings if options.dry_run else look(options)
        if not (options.json or options.dry_run):
            print_lines(["", "looked again:", *report(findings, options)])
    if options.json:
        print_document(document(findings, options))
    bad = [finding.id for finding in findings if finding.is_bad]
    if bad:
        raise PrerequisiteError(f"wrong or missing: {', '.join(bad)}; {_next(findings, options)}", id="doctor-found")


def look(options: DoctorOptions) -> tuple[Prerequisite, ...]:
    """Every prerequisite of the side that was asked for."""
    project = open_project()
    environment = read_environment(options.python)
    if options.to == "run":
        return examine(environment, project.facts)
    from scripts.doctor.to_build import BuildChecks  # what builds is imported only for it
    from scripts.plan.ops import named_ops
    from scripts.toolchain.survey import survey

    target = target_for(project, environment)
    context = project.matrix.context_of(target, project.facts)
    dirs = project.dirs
    found = survey(target, project.facts, context, dirs.captured, dirs.cache, named_ops(project.matrix.ops))
    checks = BuildChecks(
        survey=found,
        facts=project.facts,
        dirs=dirs,
        environment=environment,
        named=bool(options.python),
        context=context,
    )
    return examine(environment, project.facts, build=checks)


def target_for(project: Project, environment: Environment) -> Target:
    """What would be built for the environment: its own torch, else the newest that its cards run; no index is asked.

    Raises PrerequisiteError where the matrix has nothing for its system and Python.
    """
    from scripts.commands.host_targets import newest_deepspeed, runs_on

    own = (environment.platform, environment.version)
    here = [one.target for one in project.plan.targets if (one.target.platform, one.target.python) == own]
    torch, graphics = environment.torch, environment.machine.graphics
    same = [one for one in here if torch and (one.torch_minor, one.cuda) == (torch.minor, torch.variant)]
    arches = project.matrix.arches
    fitting = [one for one in here if runs_on(one, graphics, arches.get(one.cuda, ""))]
    chosen = same or fitting or [one for one in here if one.cuda_version is None]
    if not chosen:
        raise PrerequisiteError(
            f"nothing can be built for Python {environment.version} on {environment.platform}: the matrix has no such"
            " target; 'invoke plan' lists what it has",
            id="no-target-for-host",
        )
    return max(newest_deepspeed(chosen), key=Target.sort_key)


def report(findings: Sequence[Prerequisite], options: DoctorOptions) -> Iterator[str]:
    """The answer for people: a sentence, a row for each prerequisite, one command."""
    yield summary(findings)
    yield ""
    widest = max((len(finding.what) for finding in findings), default=0)
    for finding in findings:
        yield f"  {finding.state:8}{finding.what:{widest}}  {finding.found}"
        if finding.consequence:
            yield f"  {'':8}{finding.id}: {finding.consequence}"
        if finding.fix:
            yield f"  {'':8}-> {finding.fix}"
    if any(finding.id in GUIDED and finding.is_bad for finding in findings):
        yield ""
        system = "windows" if os.name == "nt" else "linux"
        yield from guide_lines(open_project().facts.guides, system, os.environ)
    yield ""
    yield f"next: {_next(findings, options)}"


def document(findings: Sequence[Prerequisite], options: DoctorOptions) -> dict[str, object]:
    """The answer for programs."""
    return {
        "to": options.to,
        "well": not any(finding.is_bad for finding in findings),
        "summary": summary(findings),
        "findings": [finding.as_document() for finding in findings],
        "next": _next(findings, options),
    }


def _next(findings: Sequence[Prerequisite], options: DoctorOptions) -> str:
    """The one command to go on with."""
    bad = [finding for finding in findings if finding.is_bad]
    if not bad:
        return NEXT[options.to]
    side = "" if options.to == "run" else f" --to {options.to}"
    python = f" --python {options.python}" if options.python else ""
    if any(finding.words for finding in bad) and not (options.fix and not options.dry_run):
        return f"invoke doctor{side}{python} --fix"
    return bad[0].fix


def _mend(fixes: Sequence[Prerequisite], *, dry_run: bool) -> None:
    """Run each line once, in order; on a terminal each is asked about first."""
    for words, finding in {finding.words: finding for finding in fixes}.items():
        log_line(f"{finding.id}: {finding.fix}")
        if dry_run or not _agreed():
            continue
        argv = (sys.executable, "-m", "invoke", *words[1:]) if words[0] == "invoke" else words
        try:
            code = run_in_front(Command(argv=argv))
        except PrerequisiteError as error:
            log_line(f"  {error}")
            continue
        if code:
            log_line(f"  it ended with exit code {code}")


def _agreed() -> bool:
    """Whether a person says yes; who has no terminal has said so with --fix."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return True
    sys.stderr.write("  do it now? [Y/n] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("", "y", "yes")
