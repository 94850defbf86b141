"""The replay file of a build while it goes on: written with all that is known, so that a killed build leaves one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from scripts.command import ask
from scripts.dirs import CHECKOUT
from scripts.disk_space import disk_error
from scripts.errors import InterruptedBuildError, WheelsError
from scripts.fetch.installer import Installer
from scripts.files import sha256_of
from scripts.host import describe, find_interpreter
from scripts.plan.target import Target
from scripts.toolchain.compilers import Toolchain
from scripts.wheel_build.build_options import BuildOptions
from scripts.wheel_build.build_plan import BuildPlan
from scripts.wheel_build.compiler_output import first_errors
from scripts.wheel_build.progress import Progress
from scripts.wheel_build.replay import (
    SCHEMA,
    Replay,
    ReplayError,
    ReplayMachine,
    ReplaySource,
    ReplayWheel,
    write_replay,
)
from scripts.wheel_build.source import SourceTree
from scripts.wheel_build.variables import read_by_compilers

RUNNER_IMAGE = ("ImageOS", "ImageVersion")  # github.com/actions/runner-images sets both
LONGEST = 20_000  # characters of a message


class ReplayFile:
    """One file, and what it says so far."""

    def __init__(self, path: Path, replay: Replay) -> None:
        self.path, self.replay = path, replay

    @property
    def tools(self) -> str:
        """The commit of these tools, and whether files differ from it."""
        return tools_as(self.replay.commit, self.replay.changed)

    def add(self, **known: Any) -> None:  # noqa: ANN401  fields of a replay
        """Write down what is known now; a disk that does not take it keeps no build back."""
        self.replay = replace(self.replay, **known)
        with suppress(OSError):
            write_replay(self.path, self.replay)

    def add_toolchain(self, plan: BuildPlan, toolchain: Toolchain) -> None:
        """What compiles, and with which variables."""
        self.add(toolchain=dict(toolchain.identity), variables=variables_of(plan, toolchain))

    def add_source(self, tree: SourceTree) -> None:
        """What is built from."""
        archive = tree.archive
        self.add(
            source=ReplaySource(
                kind=archive.kind,
                file=archive.path.name,
                url=archive.url,
                sha256=archive.sha256,
                patches=tree.patches,
                corrections=tree.corrections,
            )
        )

    def add_wheel(self, wheel: Path) -> None:
        """What was made."""
        self.add(wheel=ReplayWheel(file=wheel.name, sha256=sha256_of(wheel)))


def begin_replay(target: Target, options: BuildOptions, installer: Installer) -> Replay:
    """What is known of a build before anything of it is."""
    commit, changed = commit_here()
    return Replay(
        schema=SCHEMA,
        target=target.id,
        options=options.as_words(),
        commit=commit,
        changed=changed,
        machine=machine_here(target, installer),
    )


def replay_of(plan: BuildPlan, installer: Installer) -> Replay:
    """What is known of a build once it is planned."""
    begun = begin_replay(plan.target, replace(plan.options, headers=plan.headers), installer)
    toolchain = plan.toolchain
    return replace(
        begun,
        arches=plan.arches,
        cpu_level=plan.cpu.name,
        toolchain=dict(toolchain.identity),
        variables=variables_of(plan, toolchain),
    )


@contextmanager
def replaying(file: ReplayFile, progress: Progress) -> Iterator[ReplayFile]:
    """The file, which says at the end how the block ended; it is there from the beginning.

    Ctrl-C is an error of ours that says how to go on.
    """
    file.add()
    try:
        yield file
        file.add(exit_code=0)
    except KeyboardInterrupt:
        stopped = InterruptedBuildError("interrupted; what is finished is kept, the same command resumes")
        file.add(exit_code=stopped.exit_code, error=error_of(stopped, progress.begun))
        raise stopped from None
    except (WheelsError, OSError) as error:
        if found := error if isinstance(error, WheelsError) else disk_error(error):
            file.add(exit_code=found.exit_code, error=error_of(found, progress.begun))
        raise
    finally:
        file.add(steps=dict(progress.finished), ops=dict(progress.outcomes) or None)


def error_of(error: WheelsError, step: str = "") -> ReplayError:
    """An error as a replay file has it."""
    return told_error(error.id, str(error), step)


def told_error(id: str, message: str, step: str = "") -> ReplayError:
    """The same of an error that another process told."""
    message = message[:LONGEST]
    return ReplayError(id=id, message=message, first=first_errors(message, 1), step=step)


def variables_of(plan: BuildPlan, toolchain: Toolchain) -> dict[str, str]:
    """What setup.py and the compilers are told by variables, the caller's own among them."""
    ours = plan.environment(str(toolchain.toolkit.root) if toolchain.toolkit else "")
    return dict(sorted({**ours, **read_by_compilers(plan.compiler_variables, ours, os.environ)}.items()))


def machine_here(target: Target, installer: Installer) -> ReplayMachine:
    """This machine, as far as it matters to a build of the target."""
    interpreter = find_interpreter(target.python)
    told = ask([interpreter, "-c", "import platform; print(platform.python_version())"]).text if interpreter else None
    image = " ".join(filter(None, (os.environ.get(name, "") for name in RUNNER_IMAGE)))
    uv = ask([installer.uv, "--version"]).text if installer.uv else None
    return ReplayMachine(system=describe(), image=image, python=told or "", uv=uv)


def tools_as(commit: str, changed: bool) -> str:
    """A commit of these tools in one word; empty where it is not known."""
    return f"{commit}+changed" if commit and changed else commit


def commit_here() -> tuple[str, bool]:
    """The commit of this checkout, and whether files differ from it; empty where there is no git, or no repository."""
    top = ask(["git", "rev-parse", "--show-toplevel", "HEAD"], cwd=CHECKOUT).text
    folder, _, commit = (top or "").partition("\n")
    if not commit or Path(folder).resolve() != CHECKOUT:
        return os.environ.get("GITHUB_SHA", ""), False
    return commit, bool(ask(["git", "status", "--porcelain", "--untracked-files=no"], cwd=CHECKOUT).text)
