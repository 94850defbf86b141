"""The precompiled headers of one build: which of them are made of the files that are there, and since when."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from scripts.command import Command, Log, Outcome
from scripts.wheel_build.precompiled import PrecompiledHeader, is_made, make_header
from scripts.wheel_build.prepare import CompileSettings
from scripts.wheel_build.search_path import searched_folders
from scripts.wheel_build.unit_reading import Disk


class MadeHeaders:
    """Headers that were found or made, each with the moment from which on its files must not have changed."""

    def __init__(self, settings: CompileSettings) -> None:
        self.settings = settings
        self.disk = settings.units.disk if settings.units else Disk()
        self.since_ns: dict[Path, int] = {}

    def find(self, header: PrecompiledHeader) -> bool:
        """Whether it is there, made of the files that are there."""
        since = time.time_ns()
        return self._note(header, since, made=is_made(header, self._searched(header), self.disk))

    def make(self, header: PrecompiledHeader, run: Callable[[Command], Outcome], log: Log) -> None:
        """Make it; one that cannot be made is told, and not found among these."""
        since = time.time_ns()
        self._note(header, since, made=make_header(header, self._searched(header), self.disk, run, log))

    def began(self, header: PrecompiledHeader | None) -> int:
        """From when on the files of a unit that begins now, with the header or none, must not have changed."""
        return self.since_ns.get(header.header, 0) if header else time.time_ns()

    def __contains__(self, header: PrecompiledHeader | None) -> bool:
        return header is None or header.header in self.since_ns

    def _note(self, header: PrecompiledHeader, since_ns: int, *, made: bool) -> bool:
        if made:
            self.since_ns[header.header] = since_ns
        return made

    def _searched(self, header: PrecompiledHeader) -> tuple[Path, ...]:
        return searched_folders(header.command.argv, self.settings.env, self.settings.root)
