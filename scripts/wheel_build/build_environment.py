"""Virtual environments, made with uv or else virtualenv; torch installed and asserted to be the cell's."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import requests

from scripts.command import Command, Log, check, no_log, run
from scripts.errors import BuildEnvironmentError
from scripts.facts.build_requirements import BuildRequirements
from scripts.facts.facts import Facts
from scripts.facts.torch_releases import TorchRelease
from scripts.fetch.index_client import verify_bundle
from scripts.fetch.installer import Installer
from scripts.plan.target import Target

TELL = "import json, torch; print(json.dumps([torch.__version__, torch.version.cuda]))"
SECONDS_TO_CONNECT = 4


@dataclass(frozen=True, kw_only=True)
class TorchRoute:
    """One way to get the cell's torch: the requirement, and the index that is asked first (None: the client's own)."""

    name: str
    requirement: str
    index: str | None


def build_requirements(torch: TorchRelease, base: BuildRequirements) -> list[str]:
    """What a build environment holds beside torch."""
    bound = f",{torch.setuptools}" if str(torch.setuptools) else ""
    return [*base.packages, base.setuptools + bound]


def torch_routes(target: Target, torch: TorchRelease, index: str) -> list[TorchRoute]:
    """The ways to this cell's torch, best first.

    The labelled release from the cell's index; the labelled release from wherever the client looks by itself (a local
    folder of wheels); and the plain release, where the default index is known to carry this very variant.
    """
    labelled = f"torch=={target.torch}+{target.cuda}"
    routes = [
        TorchRoute(name="the PyTorch index", requirement=labelled, index=index.format(variant=target.cuda)),
        TorchRoute(name="the client's own index", requirement=labelled, index=None),
    ]
    if torch.default_variant.get(target.system) == target.cuda:
        routes.append(TorchRoute(name="the default index", requirement=f"torch=={target.torch}", index=None))
    return routes


@cache
def reachable(url: str) -> bool:
    """Whether the host of `url` answers at all; asked once a run, since a client's own retries take long."""
    try:
        requests.head(url, timeout=SECONDS_TO_CONNECT, verify=verify_bundle(), allow_redirects=True)
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
        if run(command, log=log).exit_code == 0:
            return route
    return None


def assert_torch(python: Path, target: Target) -> str:
    """The installed torch's full version.

    Raises BuildEnvironmentError when its release or CUDA variant is not the target's: the wheel would not load.
    """
    outcome = check(Command(argv=(str(python), "-c", TELL)), run(Command(argv=(str(python), "-c", TELL))))
    version, cuda = json.loads(outcome.output.splitlines()[-1])
    release = version.split("+")[0]
    if release != target.torch or cuda != target.cuda_version:
        has, wants = f"torch {version} for CUDA {cuda or 'none'}", f"torch {target.torch} for {target.cuda}"
        raise BuildEnvironmentError(f"{target.id}: the environment holds {has}, the cell asks for {wants}")
    return str(version)


def fill_build_environment(
    installer: Installer,
    python: Path,
    target: Target,
    facts: Facts,
    index: str,
    log: Log = no_log,
) -> str:
    """Install the cell's torch and what a build needs into the environment of `python`; torch's full version.

    Raises BuildEnvironmentError when no route leads to the target's torch, CommandError for any other package.
    """
    torch = facts.torch[target.torch_minor]
    routes = torch_routes(target, torch, index)
    if not install_torch(installer, python, routes, log=log):
        tried = ", ".join(f"{route.requirement} from {route.name}" for route in routes)
        raise BuildEnvironmentError(
            f"{target.id}: torch cannot be had; tried {tried}; the log holds what the client said"
        )
    requirements = build_requirements(torch, facts.build_requirements)
    command = installer.install(python, [f"torch=={target.torch}", *requirements])
    check(command, run(command, log=log))
    return assert_torch(python, target)
