"""The two environments of a build: filled as its plan says, or with the packages of a recorded build."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from scripts.command import Log, check, run
from scripts.errors import WheelsError
from scripts.fetch.installer import Installer, environment_python
from scripts.wheel_build.build_environment import (
    assert_torch,
    fill_build_environment,
    make_fresh_environment,
    torch_index,
)
from scripts.wheel_build.build_plan import BuildPlan
from scripts.wheel_build.kept_environment import keep_environment, kept_packages, needs_of, spoiled
from scripts.wheel_build.locked_packages import install_locked, installed_packages
from scripts.wheel_build.preflight import environment_of
from scripts.wheel_build.replay import Package, Replay
from scripts.wheel_build.replay_file import ReplayFile

LOCKED = "locked.txt"  # in an environment's directory: what was installed into it


@dataclass(frozen=True, kw_only=True)
class Environments:
    """The two environments of a build: that in which it is built, and the fresh one that verifies the wheel."""

    plan: BuildPlan
    installer: Installer
    python: Path  # of the build environment
    interpreter: str  # what the fresh one is made from
    work: Path

    def fill(self, replay: ReplayFile, log: Log) -> None:
        """Install what the build needs, unless it is there; raises what `fill_build_environment` does."""
        if self.kept:
            if self.plan.options.cache and (packages := kept_packages(self.root, self.needs, log)):
                log("  the environment of the build before is as it was left: taken again")
                replay.add(packages=packages)
                return
            create = self.installer.create(self.root, self.interpreter)
            check(create, run(create, log=log))
        try:
            fill_build_environment(self.plan, self.installer, self.python, log)
        except WheelsError:
            replay.add(packages=self.packages_of(self.python, log))
            raise
        packages = self.packages_of(self.python, log)
        replay.add(packages=packages)
        if self.kept and packages:
            keep_environment(self.root, self.needs, packages)

    def keep(self, replay: ReplayFile) -> None:
        """Leave the build environment to the next build, with what Python has compiled of its modules meanwhile.

        Not with anything else: what came to it during the build is no package that was installed for it.
        """
        if self.kept and replay.replay.packages and not spoiled(self.root):
            keep_environment(self.root, self.needs, replay.replay.packages)

    def verifying(self, wheel: Path, replay: ReplayFile, log: Log) -> Path:
        """The Python of the fresh environment, which holds only torch, the wheel, and what that asks for."""
        python = make_fresh_environment(self.plan, self.installer, self.work / "proof", self.interpreter, log)
        command = self.installer.install(python, [str(wheel)])
        check(command, run(command, log=log))
        replay.add(verified_with=self.packages_of(python, log))
        return python

    def packages_of(self, python: Path, log: Log) -> tuple[Package, ...]:
        """What one of the environments holds."""
        return installed_packages(self.installer, python, self.index, log, without="deepspeed")

    @property
    def kept(self) -> bool:
        """Whether the build environment is this checkout's own: what a build leaves there, the next may take."""
        return self.root.resolve() == environment_of(self.plan.target).resolve()

    @property
    def root(self) -> Path:
        """The build environment's folder."""
        return self.python.parent.parent

    @cached_property
    def needs(self) -> str:
        """What the build environment must satisfy, as a digest."""
        return needs_of(self.plan, self.installer, self.interpreter)

    @property
    def index(self) -> str | None:
        """Where torch's packages are asked for beside the usual index, by a client that keeps the two apart."""
        return torch_index(self.plan.routes) if self.installer.uv else None


@dataclass(frozen=True, kw_only=True)
class LockedEnvironments(Environments):
    """The environments of a recorded build, made anew."""

    recorded: Replay

    def fill(self, replay: ReplayFile, log: Log) -> None:
        """Install what the recorded environment held; as a build does where nothing was recorded."""
        create = self.installer.create(self.root, self.interpreter)
        check(create, run(create, log=log))
        if not self.recorded.packages:
            super().fill(replay, log)
            return
        self._install(self.python, self.recorded.packages, log)
        replay.add(packages=self.packages_of(self.python, log))
        assert_torch(self.python, self.plan.target)

    def verifying(self, wheel: Path, replay: ReplayFile, log: Log) -> Path:
        """The Python of the environment in which the recorded wheel was verified, with this one."""
        if not self.recorded.verified_with:
            return super().verifying(wheel, replay, log)
        create = self.installer.create(self.work / "proof", self.interpreter)
        check(create, run(create, log=log))
        python = environment_python(self.work / "proof")
        self._install(python, self.recorded.verified_with, log)
        command = self.installer.install(python, ["--no-deps", str(wheel)])
        check(command, run(command, log=log))
        replay.add(verified_with=self.packages_of(python, log))
        return python

    def _install(self, python: Path, packages: tuple[Package, ...], log: Log) -> None:
        install_locked(self.installer, python, packages, python.parent.parent / LOCKED, self.index, log)
