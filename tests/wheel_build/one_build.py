"""A process that makes one wheel of the small DeepSpeed, as a session of `invoke build` does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from unittest import mock

from scripts.commands.reported_errors import reported
from scripts.dirs import Dirs
from scripts.fetch.installer import Installer
from scripts.options import parse_words
from scripts.wheel_build import environments, produce
from scripts.wheel_build.build_options import BuildOptions
from tests.wheel_build.factories import repository_variables
from tests.wheel_build.plans import make_planner
from tests.wheel_build.stub_deepspeed import TARGET

WORDS = ("--ops", "fused_adam", "--verify", "audit", "--source", "tag", "--jobs", "1")


def dirs_of(cache: Path, checkout: Path) -> Dirs:
    """The folders of a checkout that uses this cache."""
    return Dirs(cache=cache, wheelhouse=checkout / "wheels", logs=checkout / "logs")


def start_build(cache: Path, checkout: Path, *words: str) -> subprocess.Popen[str]:
    """The process, in a group of its own."""
    argv = [sys.executable, "-m", "tests.wheel_build.one_build", str(cache), str(checkout), *words]
    return subprocess.Popen(
        argv,
        env=repository_variables(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def main(cache: str, checkout: str, *words: str) -> None:
    """Build, in an environment that holds all that is needed already."""
    dirs = dirs_of(Path(cache), Path(checkout))
    plan = make_planner(dirs, parse_words(BuildOptions, [*WORDS, *words])).here(TARGET)
    with mock.patch.object(environments, "fill_build_environment"):
        produce.produce(plan, Installer(uv=None), Path(sys.executable), sys.executable, dirs)


if __name__ == "__main__":
    with reported():
        main(*sys.argv[1:])
