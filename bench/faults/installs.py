"""`invoke install` ended by a signal, then once more: with the real client, a registry and a site on loopback."""

from __future__ import annotations

import json
import random
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.faults.build_runs import Started, require_no_orphan, start
from bench.faults.builds import SIGNALS
from bench.faults.part import Case, LostError, Part
from scripts.command import Command, check, run
from scripts.dirs import CHECKOUT
from scripts.fetch.installer import environment_python, find_installer
from tests.index.world import lay_out, publish
from tests.publish.loopback import client_variables, served

TORCH = "2.6.0+cpu"
WANTED = {"deepspeed": "0.16.5+cputorch2.6", "torch": TORCH, "hjson": "3.1.0"}
SECONDS = 120.0
ASK = (
    "import importlib.metadata as m, json, deepspeed, torch;"
    " print(json.dumps({d.name: d.version for d in m.distributions()}))"
)


@contextmanager
def _kills(folder: Path) -> Iterator[Case]:
    root = folder / "world"
    wheels = lay_out(root)
    with served(root) as server:
        published = publish(root, server.url, wheels)
        client = client_variables(f"{server.url}/registry/", folder / "cache")
        empty = make_environment(folder / "empty", f"{server.url}/torch/cpu/", client)

        def install(environment: Path, mark: str) -> Started:
            words = ["install", "--index", published.url, "--python", str(environment_python(environment)), "--json"]
            return start([sys.executable, "-m", "invoke", *words], CHECKOUT, client, mark)

        started = time.monotonic()
        install(copy_of(empty, folder / "undisturbed"), "undisturbed").end(SECONDS).require()
        seconds = time.monotonic() - started

        def case(index: int, chance: random.Random) -> None:
            environment = copy_of(empty, folder / f"try-{index}")
            if chance.random() < 0.5:
                shutil.rmtree(folder / "cache", ignore_errors=True)
            killed = install(environment, f"{environment} killed")
            time.sleep(chance.uniform(0.3, 1) * seconds)
            killed.send(SIGNALS[index % len(SIGNALS)], group=chance.random() < 0.5)
            killed.end(SECONDS)
            require_no_orphan(f"{environment} killed")
            install(environment, f"{environment} again").end(SECONDS).require()
            require_installed(environment)
            shutil.rmtree(environment)

        yield case


def make_environment(folder: Path, index: str, client: dict[str, str]) -> Path:
    """An environment with a torch of two files."""
    installer = find_installer()
    python = environment_python(folder)
    for command in (
        installer.create(folder, sys.executable),
        installer.install(python, [f"torch=={TORCH}"], index=index),
    ):
        told = Command(argv=command.argv, env={**command.env, **client})
        check(told, run(told))
    return folder


def copy_of(environment: Path, folder: Path) -> Path:
    """The same environment in another folder."""
    return Path(shutil.copytree(environment, folder, symlinks=True))


def require_installed(environment: Path) -> None:
    """Raises LostError unless the wheel is there, can be imported, and torch is what it was."""
    ask = Command(argv=(str(environment_python(environment)), "-c", ASK))
    told = run(ask)
    found = json.loads(told.output.splitlines()[-1]) if told.exit_code == 0 else {}
    if {name: found.get(name) for name in WANTED} != WANTED:
        raise LostError(f"wrong wheel: the environment has {found}: {told.output[-200:]}")


KILLS = Part(name="install-kills", what="an install, ended by a signal", cases=20, seconds=300, place=_kills)
