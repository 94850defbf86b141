"""What a build has left besides its wheel, removed where the disk must hold for the builds that follow."""

from __future__ import annotations

from collections.abc import Iterable

from scripts.command import Log, run
from scripts.dirs import Dirs
from scripts.errors import WheelsError
from scripts.facts.load import load_facts
from scripts.fetch.installer import Installer
from scripts.files import discard
from scripts.locks import locked
from scripts.plan.build_order import family_of
from scripts.wheel_build.build_lock import building
from scripts.wheel_build.build_plan import BuildPlan
from scripts.wheel_build.preflight import environment_of


def tidy_up(plan: BuildPlan, following: Iterable[BuildPlan], dirs: Dirs, installer: Installer, log: Log) -> None:
    """Remove the environments of a build that is done, its work, and the packages that only its Python needed.

    What it compiled is in the caches. Packages stay while one of the `following` plans has this torch and Python.
    """
    target = plan.target
    try:
        with (
            locked(environment_of(target), f"{target.id} is being built", wait=False),
            building(target.id, dirs, wait=False, log=log),
        ):
            discard(environment_of(target))
            discard(dirs.work(target.id))
    except WheelsError as error:  # another process has begun to build it: what lies there is its own
        log(f"what {target.id} left stays: {error}")
    kind = (family_of(target), target.python)
    rest = [(family_of(other.target), other.target.python) for other in following]
    if installer.uv and rest and kind not in rest:
        command = installer.forget(load_facts().build_requirements.of_one_python)
        log(command.as_shell())
        run(command, log=log)  # that the disk is full then is said by the next build, with the numbers
