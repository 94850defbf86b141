"""What makes environments and installs packages into them: uv, or else virtualenv and pip."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

import platformdirs

from scripts.command import Command
from scripts.fetch.index_client import uv_variables


@dataclass(frozen=True, kw_only=True)
class Installer:
    """What installs packages into an environment: uv, or pip inside it."""

    uv: str | None

    @property
    def cache(self) -> Path:
        """Where uv keeps what it has unpacked."""
        return Path(os.environ.get("UV_CACHE_DIR") or platformdirs.user_cache_path("uv", appauthor=False)).resolve()

    def create(self, directory: PurePath, interpreter: str) -> Command:
        """Make an empty environment for `interpreter` in `directory`, replacing what is there."""
        program = (self.uv, "venv") if self.uv else (sys.executable, "-m", "virtualenv")
        argv = (*program, "--clear", "--quiet", "--python", interpreter, str(directory))
        return Command(argv=argv, env=self.variables())

    def install(
        self, python: PurePath, requirements: Sequence[str], *, index: str | None = None, dry_run: bool = False
    ) -> Command:
        """Install `requirements` into the environment of `python`, asking `index` before the client's own."""
        extra = ["--dry-run"] if dry_run else []
        if self.uv:
            index_words = ["--index", index] if index else []
            argv = (self.uv, "pip", "install", "--python", str(python), *index_words, *extra, *requirements)
        else:
            index_words = ["--extra-index-url", index] if index else []
            argv = (str(python), "-m", "pip", "install", "--no-input", *index_words, *extra, *requirements)
        return Command(argv=argv, env=self.variables())

    def lock(self, python: PurePath, requirements: Sequence[str], *, index: str | None = None) -> Command:
        """Print which files of these exact `requirements` fit the environment of `python`, as pylock.toml; uv only."""
        index_words = ["--index", index] if index else []
        words = ("--format", "pylock.toml", "--no-deps", "--no-header", "--quiet", "--python", str(python))
        argv = (self.uv or "uv", "pip", "compile", *words, *index_words, "-")
        return Command(argv=argv, env=self.variables(), stdin="\n".join(requirements))

    def forget(self, packages: Sequence[str]) -> Command:
        """Remove what uv has kept of these packages; environments keep the files that they hold."""
        return Command(argv=(self.uv or "uv", "cache", "clean", "--quiet", *packages), env=self.variables())

    def variables(self) -> Mapping[str, str]:
        """The variables that pass pip's settings to uv."""
        return uv_variables() if self.uv else {}


def find_installer() -> Installer:
    """uv of this Python's environment or of PATH; virtualenv and pip where there is none."""
    beside = Path(sys.executable).with_name("uv.exe" if os.name == "nt" else "uv")
    return Installer(uv=str(beside) if beside.is_file() else shutil.which("uv"))


def environment_python(directory: Path) -> Path:
    """The interpreter of the environment in `directory`."""
    return directory / "Scripts" / "python.exe" if os.name == "nt" else directory / "bin" / "python"
