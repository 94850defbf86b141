"""What needs its own environment: tests, lint, and a session per target that this host can build, named by its id."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import nox

sys.path.insert(0, str(Path(__file__).parent))  # nox itself does not

from scripts.commands.closed_pipe import end_quietly
from scripts.commands.host_targets import buildable
from scripts.commands.nox_call import lock_named, report_result
from scripts.commands.project import open_project
from scripts.commands.project_planner import planner_of
from scripts.commands.reported_errors import reported
from scripts.dirs import default_dirs
from scripts.errors import InterruptedBuildError, WheelsError
from scripts.fetch.installer import environment_python, find_installer
from scripts.guard import GUARD
from scripts.host import find_interpreter
from scripts.options import parse_words
from scripts.plan.target import Target
from scripts.stop_signals import raise_on_signals
from scripts.wheel_build.build_options import BuildOptions
from scripts.wheel_build.handed_plans import handed_plans
from scripts.wheel_build.produce import produce

raise_on_signals()
end_quietly()
os.environ.update(GUARD.marked({}))  # for the environments that nox makes by itself

nox.needs_version = ">=2024.4.15"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.sessions = []
nox.options.error_on_missing_interpreters = True


@nox.session
def tests(session: nox.Session) -> None:
    """Run `invoke test` in an environment of its own; its options come after `--`."""
    session.install("-r", "requirements.txt")
    session.run("python", "-m", "invoke", "test", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Run `invoke lint` in an environment of its own."""
    session.install("-r", "requirements.txt")
    session.run("python", "-m", "invoke", "lint")


def add_session(target: Target) -> None:
    """Register the session that builds, verifies and files `target`."""

    def session(session: nox.Session) -> None:
        try:
            if HANDED:
                plan = HANDED[target.id]
            else:
                plan = planner_of(open_project(), parse_words(BuildOptions, session.posargs)).here(target)
            python = environment_python(Path(session.virtualenv.location))
            interpreter = find_interpreter(target.python) or ""
            wheel = produce(plan, find_installer(), python, interpreter, default_dirs())
        except WheelsError as error:
            report_result(target, None, error)
            if isinstance(error, InterruptedBuildError):
                raise KeyboardInterrupt from None
            session.error(error.line)
        report_result(target, wheel, None)

    session.__doc__ = f"Build and verify DeepSpeed {target.deepspeed} for torch {target.torch}, {target.cuda}."
    # What the build before left is kept until its contents are looked at: scripts/wheel_build/kept_environment.py. Who
    # calls nox by hand may have named another place for environments, where nobody looks.
    register: Any = nox.session(name=target.id, python=find_interpreter(target.python), reuse_venv=bool(HANDED))
    register(session)


HANDED = handed_plans()  # of the `invoke build` that waits for these sessions; nobody resolves them again
targets = [plan.target for plan in HANDED.values()] if HANDED else buildable(open_project().plan)
if not HANDED:
    with reported():
        lock_named(sys.argv[1:], targets)
for target in targets:
    add_session(target)
