"""The object cache as one build uses it: which key each of its units has, what is taken from there and what is kept."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from scripts.command import Outcome
from scripts.wheel_build.asked_names import UNLISTED
from scripts.wheel_build.cache import CachedOp
from scripts.wheel_build.object_cache import ObjectCache, UnitWork, command_key
from scripts.wheel_build.places import Places
from scripts.wheel_build.prepare import CompileSettings
from scripts.wheel_build.read_files import listed, words_to_list
from scripts.wheel_build.recipe import Unit
from scripts.wheel_build.response_files import spelled_out
from scripts.wheel_build.search_path import all_words, searched_folders
from scripts.wheel_build.told_files import told_files
from scripts.wheel_build.unit_reading import CLOCK_STEP_NS

# nvcc names the file of the host code after its process, and the object keeps that name as a local symbol.
OF_PROCESS = re.compile(rb"tmpxft_[0-9a-f]{8}_[0-9a-f]{8}")


class UnitObjects:
    """The units of one build in the object cache."""

    def __init__(self, cache: ObjectCache, settings: CompileSettings) -> None:
        self.cache, self.settings = cache, settings
        self.places = Places.of(settings.directories)
        self.work: dict[Path, UnitWork] = {}  # by object
        self.kept: set[str] = set()  # commands whose objects this build put into the cache

    def name(self, unit: Unit, *, precompiled: bool) -> None:
        """Work out the key of the unit's command; `precompiled`: whether it is compiled with a precompiled header.

        None for a command that gives a macro the time of day.
        """
        words = spelled_out(unit.argv, self.settings.root)
        if any(UNLISTED.search(word.encode("utf-8", "surrogateescape")) for word in words):
            return
        argv = self.places.words(words, {str(unit.object): "{object}"})
        own = (self.settings.root, self.settings.objects)
        told = [self.cache.disk.digest(file) for file in told_files(all_words(words, self.settings.env), *own)]
        identity = {**self.settings.unit_identity, "precompiled": precompiled, **({"told": told} if told else {})}
        searched = searched_folders(words, self.settings.env, self.settings.root)
        command, of_cl = command_key(argv, identity), self.settings.system == "windows"
        self.work[unit.object] = UnitWork(command=command, searched=searched, of_cl=of_cl)

    def command_of(self, unit: Unit) -> str:
        """The key of the unit's command; empty for one that was not named."""
        return self.work[unit.object].command if unit.object in self.work else ""

    def take(self, unit: Unit) -> CachedOp | None:
        """The unit's object, taken from the cache; None when it must be compiled."""
        work = self.work.get(unit.object)
        return self.cache.get(work, self.places, unit.object) if work else None

    def seen_since(self, unit: Unit) -> bool:
        """Whether this build has compiled another unit with the same command meanwhile."""
        return self.command_of(unit) in self.kept

    def keep(self, unit: Unit, listing: Path, *, since_ns: int, outcome: Outcome, threads: int = 1) -> None:
        """Keep the unit's object, compiled since a moment by so many threads, with what its compiler listed as read.

        Not when it wrote no list, or a file was changed since: what the compiler saw of it is not known. Raises OSError
        when the cache cannot be written.
        """
        files = listed(listing)
        if files is None or unit.object not in self.work:
            return
        read = [self.settings.root / file for file in files]
        read = [path for path in read if not path.is_relative_to(self.settings.headers)]
        if self.cache.disk.changed_since(read, since_ns - CLOCK_STEP_NS):
            return
        cost = {"seconds": outcome.seconds, "peak_bytes": outcome.peak_bytes, "threads": threads}
        meta = {"source": unit.source, **cost}
        self.cache.put(self.work[unit.object], self.places, read, unit.object, meta)
        self.kept.add(self.command_of(unit))


def listing(unit: Unit, file: Path) -> Unit:
    """The unit, with a command that lists what it reads in the file."""
    return replace(unit, argv=(unit.argv[0], *words_to_list(unit.argv[0], file), *unit.argv[1:]))


def without_process(unit: Unit) -> None:
    """Take out of nvcc's object what names the process that made it, so that the same source gives the same bytes."""
    if unit.step != "nvcc":
        return
    content = unit.object.read_bytes()
    if OF_PROCESS.search(content):
        unit.object.write_bytes(OF_PROCESS.sub(b"tmpxft_00000000_00000000", content))
