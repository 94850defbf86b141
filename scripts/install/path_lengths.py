"""Whether the paths of a wheel's files fit into an environment, on a Windows that allows 260 characters."""

from __future__ import annotations

import zipfile
from pathlib import Path

from scripts.errors import PrerequisiteError
from scripts.host import ALLOW_LONG_PATHS, LONGEST_PATH, long_paths_allowed
from scripts.install.environment import Environment
from scripts.shell import shell_line


def require_short_paths(wheel: Path, environment: Environment) -> None:
    """Raise PrerequisiteError, before anything is changed, where a file's path would be longer than Windows takes."""
    if not environment.packages or long_paths_allowed():
        return
    with zipfile.ZipFile(wheel) as archive:
        name = max(archive.namelist(), key=len)
    length = len(environment.packages) + 1 + len(name) + 1  # the separator, and the end that Windows counts
    if length > LONGEST_PATH:
        raise PrerequisiteError(
            f"{name} has no room in {environment.packages}: its path has {length} characters, and this Windows takes"
            f" {LONGEST_PATH}; nothing was changed. Take an environment with a shorter path, or allow longer ones, as"
            f" administrator: {shell_line(ALLOW_LONG_PATHS, windows=True)}",
            id="path-too-long",
        )
