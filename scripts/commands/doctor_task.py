"""`invoke doctor`: what is right, wrong, missing or unknown here, to run a wheel or to build one, and what mends it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence

from scripts.carried import one_file, program, started, typed
from scripts.command import Command, run_in_front
from scripts.commands.answer import log_line, print_document, print_lines
from scripts.commands.project import open_project
from scripts.commands.task_options import DoctorOptions
from scripts.doctor.cuda_home import guide_lines
from scripts.doctor.examination import examine, summary
from scripts.doctor.prerequisite import Prerequisite
from scripts.errors import PrerequisiteError
from scripts.host import find_interpreter
from scripts.install.environment import read_environment
from scripts.shell import shell_line

GUIDED = {"cuda-home", "import-probe"}
NEXT = {"run": "find", "build": "build"}


def doctor(options: DoctorOptions) -> None:
    """Print what was found; raises PrerequisiteError when something is wrong or missing, also after it was mended."""
    findings = look(options)
    fixes = [finding for finding in findings if finding.is_bad and finding.words]
    if not options.json:
        print_lines(report(findings, options))
    if options.fix and fixes:
        _mend(fixes, dry_run=options.dry_run)
        find_interpreter.cache_clear()  # one may have been installed
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
        return examine(environment, project.facts, program=program())
    if one_file():
        raise PrerequisiteError("building needs a clone of the repository: git clone it, and run 'invoke doctor' there")
    from scripts.commands.build_checks import build_checks  # what builds is imported only for it

    checks = build_checks(project, environment, named=bool(options.python))
    return examine(environment, project.facts, build=checks)


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
        return typed(NEXT[options.to])
    side = [] if options.to == "run" else ["--to", options.to]
    python = ["--python", options.python] if options.python else []
    if any(finding.words for finding in bad) and not (options.fix and not options.dry_run):
        return f"{typed('doctor')} {shell_line([*side, *python, '--fix'])}"
    return bad[0].fix


def _mend(fixes: Sequence[Prerequisite], *, dry_run: bool) -> None:
    """Run each line once, in order; on a terminal each is asked about first."""
    for words, finding in {finding.words: finding for finding in fixes}.items():
        log_line(f"{finding.id}: {finding.fix}")
        if dry_run or not _agreed():
            continue
        own = len(program())
        argv = (*started(), *words[own:]) if words[:own] == program() else words
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
