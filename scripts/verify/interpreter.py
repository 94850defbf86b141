"""A Python that runs a wheel: one of this system, or a Windows one, which other systems start by Wine."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PureWindowsPath

from scripts.command import ASK_SECONDS, Answer, ask
from scripts.facts.load import load_facts

DEFAULT_PREFIX = "~/.wine"
NO_WINE = "it is a Windows Python, and wine, which starts those elsewhere, is not on PATH"


@dataclass(frozen=True, kw_only=True)
class Interpreter:
    """How a Python is called, and what it calls the files of this system."""

    path: Path
    prefix: Path | None = None  # Wine's folder for the Windows that this Python lives in; None for one of this system

    @property
    def fault(self) -> str:
        """Why it cannot be started; empty where it may be tried."""
        return NO_WINE if self.prefix and not shutil.which("wine") else ""

    def argv(self, *words: str | Path) -> tuple[str, ...]:
        """The words of a call; paths among them as this Python knows them."""
        told = (self.told(word) if isinstance(word, Path) else word for word in words)
        return (*(("wine",) if self.prefix else ()), str(self.path), *told)

    def told(self, path: Path) -> str:
        """The name by which this Python knows a file of this system."""
        found = [(drive, root) for drive, root in self._drives.items() if path.is_relative_to(root)]
        if not found:
            return str(path)
        drive, root = max(found, key=lambda each: len(each[1].parts))
        return str(PureWindowsPath(f"{drive}\\", path.relative_to(root)))

    def here(self, told: str) -> Path:
        """The file of this system that this Python knows by this name."""
        path = PureWindowsPath(told)
        root = self._drives.get(path.drive.upper())
        return Path(told) if root is None else root.joinpath(*path.parts[1:])

    @cached_property
    def _drives(self) -> Mapping[str, Path]:
        """By drive, where its files lie; of Windows alone."""
        links = sorted((self.prefix / "dosdevices").glob("?:")) if self.prefix else []
        return {link.name.upper(): link.resolve() for link in links}

    @property
    def variables(self) -> Mapping[str, str]:
        """What a Windows Python needs beside what it is asked: what whoever calls has set himself counts."""
        if self.prefix is None:
            return {}
        given = {name: value for name, value in load_facts().wine.variables.items() if name not in os.environ}
        return {**given, "WINEPREFIX": str(self.prefix)}

    @property
    def patience(self) -> float:
        """By how much longer than a Python of this system it may take."""
        return load_facts().wine.patience if self.prefix else 1.0

    def ask(self, *words: str) -> Answer:
        """What it says when it is called with these words."""
        seconds = ASK_SECONDS * self.patience
        return ask(self.argv(*words), seconds=seconds, env={**os.environ, **self.variables})


def interpreter_at(path: Path) -> Interpreter:
    """The Python of this file; a Windows one elsewhere belongs to the Wine prefix that it lies in, or to the user's."""
    if os.name == "nt" or path.suffix.lower() != ".exe":
        return Interpreter(path=path)
    around = next((folder.parent for folder in path.parents if folder.name == "drive_c"), None)
    prefix = around or Path(os.environ.get("WINEPREFIX") or DEFAULT_PREFIX).expanduser()
    return Interpreter(path=path, prefix=prefix)
