"""Virtual environments, made with uv or else virtualenv; torch installed and asserted to be the target's."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import requests

from scripts.command import Command, Log, check, no_log, run
from scripts.disk_space import said_full
from scripts.errors import BuildEnvironmentError
from scripts.fetch.installer import Installer, environment_python
from scripts.fetch.transfer import get
from scripts.plan.target import Target
from scripts.wheel_build.build_plan import BuildPlan
from scripts.wheel_build.torch_routes import TorchRoute, require_torch

# Importing torch takes seconds; its version.py is a file of constants that imports nothing of it.
ASK_TORCH = (
    "import importlib.util, json, pathlib, runpy;"
    " spec = importlib.util.find_spec('torch');"
    " path = pathlib.Path([*(spec and spec.submodule_search_locations or ()), ''][0], 'version.py');"
    " found = runpy.run_path(str(path)) if spec and path.is_file() else {};"
    " print(json.dumps([found.get('__version__'), found.get('cuda')]))"
)
SECONDS_TO_CONNECT = 4
CAME = "torch came from"  # scripts/diagnose/own_log.py: what other routes said before is no reason of anything


@cache
def reachable(url: str) -> bool:
    """Whether the host of `url` answers at all; asked once a run, since a client's own retries take long."""
    try:
        get(url, method="HEAD", timeout=(SECONDS_TO_CONNECT, SECONDS_TO_CONNECT))
    except requests.RequestException:
        return False
    return True


def install_torch(
    installer: Installer,
    python: Path,
    routes: Sequence[TorchRoute],
    *,
    dry_run: bool = False,
    log: Log = no_log,
) -> TorchRoute | None:
    """The first route that works; None when none does. With `dry_run` it is only resolved, nothing is installed."""
    for route in routes:
        if route.index and not reachable(route.index):
            log(f"{route.name} ({route.index}) cannot be reached")
            continue
        command = installer.install(python, [route.requirement], index=route.index, dry_run=dry_run)
        log(command.as_shell())
        outcome = run(command, log=log)
        if outcome.exit_code == 0:
            log(f"{CAME} {route.name}")
            return route
        if said_full(outcome.output):  # another route would lead to the same disk
            check(command, outcome)
    return None


def torch_index(routes: Sequence[TorchRoute]) -> str | None:
    """The index that is asked for torch before the client's own; None where it cannot be reached."""
    return next((route.index for route in routes if route.index and reachable(route.index)), None)


def assert_torch(python: Path, target: Target) -> str:
    """The installed torch's full version; see `require_torch` for what is raised. torch itself is not imported."""
    command = Command(argv=(str(python), "-c", ASK_TORCH))
    version, cuda = json.loads(check(command, run(command)).output.splitlines()[-1])
    return require_torch(version, cuda, target)


def fill_build_environment(plan: BuildPlan, installer: Installer, python: Path, log: Log = no_log) -> str:
    """Install the target's torch and what a build needs into the environment of `python`; torch's full version.

    Raises BuildEnvironmentError when no route leads to the target's torch, CommandError when another package is not
    available.
    """
    target = plan.target
    if not install_torch(installer, python, plan.routes, log=log):
        tried = ", ".join(f"{route.requirement} from {route.name}" for route in plan.routes)
        raise BuildEnvironmentError(
            f"{target.id}: torch is not available; tried {tried}; the log holds what the client said",
            id="torch-not-available",
        )
    command = installer.install(python, [f"torch=={target.torch}", *plan.requirements])
    check(command, run(command, log=log))
    return assert_torch(python, target)


def make_fresh_environment(plan: BuildPlan, installer: Installer, directory: Path, interpreter: str, log: Log) -> Path:
    """The Python of a new environment in `directory` that holds only the target's torch.

    Raises BuildEnvironmentError when torch could be installed for the build but cannot be now.
    """
    create = installer.create(directory, interpreter)
    check(create, run(create, log=log))
    python = environment_python(directory)
    if not install_torch(installer, python, plan.routes, log=log):
        raise BuildEnvironmentError(
            f"{plan.target.id}: torch could be installed for the build but not for the verification; see the log",
            id="torch-not-available",
        )
    return python
