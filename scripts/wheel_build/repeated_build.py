"""A recorded build once more: the same steps, as far as they were asked for, with what is known of how it ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from scripts.dirs import Dirs
from scripts.disk_space import disk_error, disk_errors
from scripts.errors import InterruptedBuildError, WheelsError
from scripts.fetch.installer import Installer
from scripts.verify.check import Report
from scripts.wheel_build.build_lock import building
from scripts.wheel_build.build_plan import BuildPlan
from scripts.wheel_build.built_wheel import BuiltWheel
from scripts.wheel_build.environments import LockedEnvironments
from scripts.wheel_build.preflight import require_disks
from scripts.wheel_build.progress import Progress, StepReached
from scripts.wheel_build.replay import Replay, replay_path
from scripts.wheel_build.replay_file import ReplayFile, replay_of, replaying

Make: TypeAlias = Callable[[LockedEnvironments, Dirs, Progress, ReplayFile], tuple[BuiltWheel, Report]]
Prepare: TypeAlias = Callable[[BuildPlan, Dirs, Progress, ReplayFile], object]


@disk_errors()
def repeat_build(environments: LockedEnvironments, make: Make, until: str, dirs: Dirs) -> Replay:
    """How a build ends in the recorded environments, up to the step `until`; nothing is filed.

    Raises InterruptedBuildError; every other error is what the replay holds.
    """
    plan = environments.plan

    def work(progress: Progress, file: ReplayFile) -> None:
        require_disks([plan], dirs, environments.installer)
        make(environments, dirs, progress, file)[1].require()

    return _replay(plan, environments.installer, dirs, until, work)


def repeat_source(plan: BuildPlan, prepare: Prepare, installer: Installer, dirs: Dirs) -> Replay:
    """How the source step ends, which needs nothing of the target's own machine."""

    def work(progress: Progress, file: ReplayFile) -> None:
        with progress.step("source"):
            prepare(plan, dirs, progress, file)

    return _replay(plan, installer, dirs, "source", work)


def _replay(
    plan: BuildPlan, installer: Installer, dirs: Dirs, until: str, work: Callable[[Progress, ReplayFile], None]
) -> Replay:
    file = ReplayFile(replay_path(dirs.logs, plan.target.id, plan.options.ops), replay_of(plan, installer))
    with Progress(title=plan.target.id, log_file=dirs.log(plan.target.id), until=until) as progress:
        try:
            with (
                replaying(file, progress),
                building(plan.target.id, dirs, wait=plan.options.wait, log=progress.show),
            ):
                work(progress, file)
        except InterruptedBuildError:
            raise
        except StepReached:
            pass
        except WheelsError as error:
            progress.show(error.line)
        except OSError as error:
            if (found := disk_error(error)) is None:
                raise
            progress.show(found.line)
    return file.replay
