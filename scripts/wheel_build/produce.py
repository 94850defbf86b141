"""From a build plan to a verified wheel in the wheelhouse: environment, build, verification, filing."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

from scripts.dirs import Dirs
from scripts.disk_space import disk_errors, located
from scripts.fetch.installer import Installer
from scripts.files import write_whole
from scripts.locks import locked
from scripts.verify.check import CheckResult, Report
from scripts.verify.levels import verify_wheel
from scripts.verify.promises import Promises
from scripts.wheel.manifest import manifest_path, write_manifest
from scripts.wheel.record import WheelSource
from scripts.wheel.wheelhouse import FAILED, wheel_in
from scripts.wheel_build.build_lock import building
from scripts.wheel_build.build_plan import BuildPlan
from scripts.wheel_build.built_wheel import BuiltWheel
from scripts.wheel_build.environments import Environments
from scripts.wheel_build.filed_manifest import manifest_of
from scripts.wheel_build.pipeline import build, discard_work
from scripts.wheel_build.preflight import require_disks
from scripts.wheel_build.progress import Progress
from scripts.wheel_build.provenance import tools_of
from scripts.wheel_build.replay import replay_path
from scripts.wheel_build.replay_file import ReplayFile, replay_of, replaying

AROUND = ("environment", "verification")  # the steps around the build of a wheel, whose seconds its manifest has, too


@disk_errors()
def produce(plan: BuildPlan, installer: Installer, python: Path, interpreter: str, dirs: Dirs) -> Path:
    """The filed wheel of the plan.

    `python` is the build environment's, which is empty, or as a build before left it where Nox makes it. `interpreter`
    is what the fresh one that verifies is made from. Raises VerifyError when the wheel fails (it is kept under
    wheels/failed/), and what a build raises. Another build of the target with this cache is waited for, and what it
    made is taken.
    """
    logging.getLogger("urllib3").setLevel(logging.WARNING)  # nox shows what every library logs
    require_disks([plan], dirs, installer)
    work, path = dirs.work(plan.target.id), replay_path(dirs.logs, plan.target.id, plan.options.ops)
    environments = Environments(plan=plan, installer=installer, python=python, interpreter=interpreter, work=work)
    replay = ReplayFile(path, replay_of(plan, installer))
    with (
        Progress(title=plan.target.id, log_file=dirs.log(plan.target.id)) as progress,
        replaying(replay, progress),
        building(plan.target.id, dirs, wait=plan.options.wait, log=progress.show),
    ):
        built, report = make(environments, dirs, progress, replay)
        return file_wheel(built, report, dirs, progress)


def make(environments: Environments, dirs: Dirs, progress: Progress, replay: ReplayFile) -> tuple[BuiltWheel, Report]:
    """The wheel of the environments' plan, and the report on it: every step of a build but filing."""
    plan = environments.plan
    with progress.step("environment", downloads=True):
        environments.fill(replay, progress.heard)
    with located(environments.work):
        built = build(plan, environments.python, dirs, progress, replay)
    environments.keep(replay)
    with progress.step("verification", downloads=True):
        return built, verify(built, environments, progress, replay)


def verify(built: BuiltWheel, environments: Environments, progress: Progress, replay: ReplayFile) -> Report:
    """The report on the wheel, from a fresh environment where more than its file is looked at."""
    if not built.plan.runs_wheel:
        return report_on(built, None, progress)
    return report_on(built, environments.verifying(built.wheel, replay, progress.heard), progress)


def report_on(built: BuiltWheel, python: Path | None, progress: Progress) -> Report:
    """The report on the wheel, as far as the options ask for, by a `python` that has it installed."""
    report = verify_wheel(
        built.wheel,
        built.plan.level,
        python=python,
        expected_ops=tuple(op.op for op in built.ops),
        log=progress.heard,
        watch=lambda check: progress.show(f"  {check.as_line()}"),
        promises=promises_of(built),
    )
    if not built.lacks:
        return report
    lacks = CheckResult(name="ops of the target", passed=None, detail=f"lacks {', '.join(built.lacks)}")
    return replace(report, checks=(*report.checks, lacks))


def promises_of(built: BuiltWheel) -> Promises:
    """What the manifest is going to state of the wheel."""
    archive = built.tree.archive
    return Promises(
        arches=built.plan.arches,
        cpu_level=built.plan.cpu.name,
        patches=built.tree.patches,
        source=WheelSource(kind=archive.kind, sha256=archive.sha256),
        torch=built.recipe.torch["version"],
        toolchain=tools_of(built.toolchain, built.recipe),
    )


def file_wheel(built: BuiltWheel, report: Report, dirs: Dirs, progress: Progress) -> Path:
    """The wheel in the wheelhouse, its manifest beside it; raises VerifyError when it failed and was kept apart."""
    plan = built.plan
    parent = "" if report.passed else f"{FAILED}/"
    wheel = dirs.wheelhouse / f"{parent}{plan.target.folder}{plan.directory}" / built.wheel.name
    seconds = {name: progress.finished[name] for name in AROUND if name in progress.finished}
    manifest = manifest_of(replace(built, seconds={**built.seconds, **seconds}), report)
    with locked(dirs.wheelhouse / "filing", "a wheel is being filed", log=progress.show):
        if (before := wheel_in(wheel.parent, plan.target)) and before != wheel:  # of another manylinux level
            before.unlink()
            manifest_path(before).unlink(missing_ok=True)
        write_whole(wheel, built.wheel)
        write_manifest(manifest_path(wheel), manifest)
    if built.lacks and report.passed:
        progress.show(f"  it lacks {', '.join(built.lacks)}, so it is filed apart and never published")
    progress.show(f"{'filed' if report.passed else 'FAILED, kept as'} {wheel}")
    report.require()
    discard_work(plan, dirs)
    return wheel
