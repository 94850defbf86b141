"""Which program installs packages into an environment that somebody named, and how it is run."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path, PurePath

from scripts.command import Command, Log, no_log, run_in_front
from scripts.errors import CommandError, PrerequisiteError
from scripts.install.environment import Environment
from scripts.outgoing import SAYING
from scripts.shell import shell_line


def client_words(environment: Environment) -> list[str]:
    """pip of the environment, else uv pointed at it, else the pip of the Python that runs this, pointed at it."""
    if environment.has_pip:
        return [str(environment.python), "-m", "pip", "install", "--no-input"]
    uv = _uv()
    if uv is None and find_spec("pip"):
        return [sys.executable, "-m", "pip", "--python", str(environment.python), "install", "--no-input"]
    if uv is None:
        raise PrerequisiteError(
            f"{environment.python} has no pip, and uv is not on PATH; add one: python -m ensurepip",
            id="package-client-not-found",
        )
    return [uv, "pip", "install", "--python", str(environment.python)]


def only_from(index: str, words: Sequence[str]) -> list[str]:
    """A client's words with the index that it is to ask before all others.

    uv takes UV_DEFAULT_INDEX, a company's mirror, say, for more than --index-url; pip its settings for less.
    """
    return [*words, "--default-index" if PurePath(words[0]).stem == "uv" else "--index-url", index]


def pip_words(environment: Environment) -> list[str]:
    """pip for what uv cannot do: the environment's own, that of the Python that runs this, or one that uv brings."""
    python, uv = str(environment.python), _uv()
    if environment.has_pip:
        return [python, "-m", "pip"]
    if find_spec("pip"):
        return [sys.executable, "-m", "pip", "--python", python]
    if uv:
        return [uv, "tool", "run", "pip", "--python", python]
    raise PrerequisiteError(
        f"{python} has no pip, and uv is not on PATH; add one: python -m ensurepip", id="package-client-not-found"
    )


def run_client(words: Sequence[str], heard: Log = no_log) -> None:
    """Run with the client's output on standard error: standard output is for the answer; raises CommandError."""
    code = run_in_front(Command(argv=tuple(words), env=SAYING), heard=heard)
    if code:
        raise CommandError(
            f"the package client ended with exit code {code}: {shell_line(words)}", id="package-client-failed"
        )


def _uv() -> str | None:
    return shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
