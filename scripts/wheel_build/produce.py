"""From a build plan to a verified wheel in the wheelhouse: environment, build, verification, filing."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import cast

from scripts.command import check, run
from scripts.dirs import Dirs
from scripts.disk_space import disk_errors, located
from scripts.errors import InterruptedBuildError
from scripts.fetch.installer import Installer
from scripts.files import write_whole
from scripts.locks import locked
from scripts.verify.check import CheckResult, Report
from scripts.verify.levels import Level, verify_wheel
from scripts.verify.promises import Promises
from scripts.wheel.manifest import manifest_path, write_manifest
from scripts.wheel.wheelhouse import FAILED
from scripts.wheel_build.build_environment import fill_build_environment, make_fresh_environment
from scripts.wheel_build.build_lock import building
from scripts.wheel_build.build_plan import BuildPlan
from scripts.wheel_build.built_wheel import BuiltWheel
from scripts.wheel_build.filed_manifest import manifest_of
from scripts.wheel_build.pipeline import build, discard_work
from scripts.wheel_build.preflight import require_disks
from scripts.wheel_build.progress import Progress


@disk_errors()
def produce(plan: BuildPlan, installer: Installer, python: Path, interpreter: str, dirs: Dirs) -> Path:
    """The filed wheel of the plan.

    `python` is the (empty) build environment's, `interpreter` what the fresh one that verifies is made from. Raises
    VerifyError when the wheel fails (it is kept under wheels/failed/), and what a build raises. Another build of the
    target with this cache is waited for, and what it made is taken.
    """
    logging.getLogger("urllib3").setLevel(logging.WARNING)  # nox shows what every library logs
    require_disks([plan], dirs, installer)
    with Progress(title=plan.target.id, log_file=log_file(plan, dirs)) as progress:
        try:
            with building(plan.target.id, dirs, wait=plan.options.wait, log=progress.show):
                with progress.step("environment", downloads=True):
                    fill_build_environment(plan, installer, python, progress.heard)
                with located(dirs.work(plan.target.id)):
                    built = build(plan, python, dirs, progress)
                with progress.step("verification", downloads=True):
                    report = verify(built, installer, interpreter, dirs, progress)
                return file_wheel(built, report, dirs, progress)
        except KeyboardInterrupt:
            raise InterruptedBuildError("interrupted; what is finished is kept, the same command resumes") from None


def log_file(plan: BuildPlan, dirs: Dirs) -> Path:
    """The log of the target's builds."""
    return dirs.logs / f"{plan.target.id}.log"


def verify(built: BuiltWheel, installer: Installer, interpreter: str, dirs: Dirs, progress: Progress) -> Report:
    """The report on the wheel, from a fresh environment that holds only torch and what the wheel asks for."""
    plan = built.plan
    python = None
    if plan.options.verify != "audit":
        directory = dirs.work(plan.target.id) / "proof"
        python = make_fresh_environment(plan, installer, directory, interpreter, progress.heard)
        command = installer.install(python, [str(built.wheel)])
        check(command, run(command, log=progress.heard))
    return report_on(built, python, progress)


def report_on(built: BuiltWheel, python: Path | None, progress: Progress) -> Report:
    """The report on the wheel, as far as the options ask for, by a `python` that has it installed."""
    report = verify_wheel(
        built.wheel,
        cast(Level, built.plan.options.verify),
        python=python,
        expected_ops=tuple(op.op for op in built.ops),
        log=progress.heard,
        watch=lambda check: progress.show(f"  {check.as_line()}"),
        promises=Promises(arches=built.plan.arches, cpu_level=built.plan.cpu.name),
    )
    if not built.lacks:
        return report
    lacks = CheckResult(name="ops of the target", passed=None, detail=f"lacks {', '.join(built.lacks)}")
    return replace(report, checks=(*report.checks, lacks))


def file_wheel(built: BuiltWheel, report: Report, dirs: Dirs, progress: Progress) -> Path:
    """The wheel in the wheelhouse, its manifest beside it; raises VerifyError when it failed and was kept apart."""
    plan = built.plan
    parent = "" if report.passed else f"{FAILED}/"
    wheel = dirs.wheelhouse / f"{parent}{plan.target.folder}{plan.directory}" / plan.target.wheel_name
    manifest = manifest_of(built, report)
    with locked(dirs.wheelhouse / "filing", "a wheel is being filed", log=progress.show):
        write_whole(wheel, built.wheel)
        write_manifest(manifest_path(wheel), manifest)
    if built.lacks and report.passed:
        progress.show(f"  it lacks {', '.join(built.lacks)}, so it is filed apart and never published")
    progress.show(f"{'filed' if report.passed else 'FAILED, kept as'} {wheel}")
    report.require()
    discard_work(plan, dirs)
    return wheel
