"""Precompiled headers: torch/extension.h parsed once per set of flags instead of once per translation unit.

Parsing torch's headers is most of what compiling a DeepSpeed CPU op costs (docs/design.md, Measured). GCC takes a
precompiled header only when every option that matters is the same, so units are grouped by their options; without
the macros that no torch header looks at. A header that does not fit is ignored by GCC, never misused. But GCC does not
look whether the files that it was made from are what they were: their reading, kept beside it, tells.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from scripts.command import Command, Log, Outcome
from scripts.files import discard, draft_name, last_use, rename_patiently, write_whole
from scripts.locks import locked
from scripts.stamp import discard_file, is_as_stamped, read_record, stamp_file, write_record
from scripts.wheel_build.headers import include_dirs, reach
from scripts.wheel_build.places import Places
from scripts.wheel_build.read_files import listed, words_to_list
from scripts.wheel_build.recipe import Unit
from scripts.wheel_build.unit_reading import CLOCK_STEP_NS, Disk, UnitReading, content_digest, reading_of

HEADER = "torch/extension.h"
TEXT = f"#include <{HEADER}>\n"
WORTH_UNITS = 3  # of a header of which nothing was measured
KEPT = 2  # of 0.8 GB each
OWN_MACROS = ("-DTORCH_EXTENSION_NAME=", "-D__AVX256__", "-D__AVX512__", "-D__SCALAR__")  # DeepSpeed's, not torch's
SMALL = Path(__file__).parent / "torch_headers"  # torch's, with less in them, by what that is
NO_PLACES = Places(())  # a header lies in a folder of its command, which names those of this machine
OPTIMISED = re.compile(r"-O([1-9]|fast|s)?")


@dataclass(frozen=True, kw_only=True)
class PrecompiledHeader:
    """One precompiled header: the command that makes it, and the units that use it."""

    header: Path
    draft: Path  # what the command writes; this process's own, since builds share the directory
    command: Command
    units: tuple[Unit, ...]

    @property
    def output(self) -> Path:
        """The file that GCC looks for beside the header."""
        return self.header.with_name(self.header.name + ".gch")

    @property
    def reading(self) -> Path:
        """The record of what it was made from."""
        return self.header.with_name(self.header.name + ".read.json")


def plan_headers(
    units: Iterable[Unit],
    root: Path,
    directory: Path,
    identity: Mapping[str, object],
    pays_from: Mapping[str, int],
) -> list[PrecompiledHeader]:
    """The headers worth making for these units, each with its units."""
    groups: defaultdict[tuple[str, ...], list[Unit]] = defaultdict(list)
    for unit in units:
        if _can_use(unit, root):
            groups[_signature(unit, root)].append(unit)
    worth = [
        (flags, group)
        for flags, group in groups.items()
        if len({_work(unit) for unit in group}) >= pays_from.get(header_of(group[0]), WORTH_UNITS)
    ]
    return [_header(flags, group, directory, identity) for flags, group in worth]


def use(unit: Unit, header: PrecompiledHeader) -> tuple[str, ...]:
    """The unit's command with the precompiled header in front of its own includes."""
    return (unit.argv[0], "-include", str(header.header), *unit.argv[1:])


def is_made(header: PrecompiledHeader, searched: Sequence[Path], disk: Disk) -> bool:
    """Whether it is there, as it was when it was made (GCC would take a damaged one), of files that are what they were.

    `searched` are the folders that its command searches.
    """
    record = read_record(header.reading)
    if record is None or not header.header.is_file() or header.header.read_text("utf-8") != TEXT:
        return False
    content = content_digest(UnitReading.of(record["reading"]), searched, NO_PLACES, disk)
    return content == record["content"] and is_as_stamped(header.output)


def make_header(
    header: PrecompiledHeader, searched: Sequence[Path], disk: Disk, run: Callable[[Command], Outcome], log: Log
) -> bool:
    """Make the header; whether it is made, of files that did not change meanwhile.

    Without it the units compile all the same, only slower, so a failure is just noted.
    """
    directory = header.header.parent
    with locked(directory, "a precompiled header is being made", log=log):
        if is_made(header, searched, disk):  # by the process that was waited for
            return True
        header.reading.unlink(missing_ok=True)
        discard_file(header.output)
        write_whole(header.header, TEXT)
        log(header.command.as_shell())
        argv, list_file, since = header.command.argv, header.draft.with_suffix(".read"), time.time_ns()
        outcome = run(replace(header.command, argv=(argv[0], *words_to_list(argv[0], list_file), *argv[1:])))
        if outcome.exit_code:
            log(f"no precompiled header: {outcome.output}")
        else:
            rename_patiently(header.draft, header.output)
            stamp_file(header.output)
            _note_reading(header, list_file, searched, disk, since)
        for draft in (header.draft, list_file):
            draft.unlink(missing_ok=True)
        return header.reading.exists()


def _note_reading(
    header: PrecompiledHeader, list_file: Path, searched: Sequence[Path], disk: Disk, since_ns: int
) -> None:
    """Write down what the header was made from; nothing where that is not known."""
    read = [Path(file) for file in listed(list_file) or () if Path(file) != header.header]
    if not read or disk.changed_since(read, since_ns - CLOCK_STEP_NS):
        return
    reading = reading_of(read, searched, NO_PLACES, disk)
    content = content_digest(reading, searched, NO_PLACES, disk) if reading else None
    if reading and content:
        write_record(header.reading, {"reading": asdict(reading), "content": content})


def prune(directory: Path, kept: int = KEPT) -> None:
    """Keep the precompiled headers used last; each is the better part of a gigabyte."""
    uses = []
    for made in directory.glob("*/*.gch"):
        with suppress(OSError):  # another process removes it meanwhile
            uses.append((last_use(made.parent.stat()), made.parent))
    for _, entry in sorted(uses, reverse=True)[kept:]:
        discard(entry)


def header_of(unit: Unit) -> str:
    """What of torch's headers the unit reads: "tensors", "bindings", or "torch" for all of them."""
    folders = (Path(word[2:]) for word in unit.argv if word.startswith("-I"))
    return next((folder.name for folder in folders if folder.parent == SMALL), "torch")


def _work(unit: Unit) -> tuple[str, ...]:
    """What tells it from the same unit of another op, which takes its object."""
    return tuple(word for word in unit.argv if word != str(unit.object))


def _can_use(unit: Unit, root: Path) -> bool:
    compiler = Path(unit.argv[0]).name
    if "g++" not in compiler or not unit.source.endswith((".cpp", ".cc")):
        return False
    return HEADER in reach((root / unit.source).resolve(), include_dirs(unit.argv, root), root).outside


def _signature(unit: Unit, root: Path) -> tuple[str, ...]:
    """The options that must be equal; only whether there is optimisation counts, not how much of it."""
    own = {unit.source, str(unit.object), "-c", "-o"}
    words = [word for word in unit.argv if word not in own and not _is_local(word, root)]
    levels = [word for word in words if OPTIMISED.fullmatch(word) or word == "-O0"]
    level = ["-O2" if levels and levels[-1] != "-O0" else "-O0"]
    rest = [word for word in words[1:] if word not in levels]
    return (words[0], *sorted(set(rest), key=rest.index), *level)


def _is_local(word: str, root: Path) -> bool:
    return word.startswith(OWN_MACROS) or (word.startswith("-I") and word[2:].startswith(str(root)))


def _header(
    flags: Sequence[str], units: Sequence[Unit], directory: Path, identity: Mapping[str, object]
) -> PrecompiledHeader:
    neutral = [flag for flag in flags if "-file-prefix-map=" not in flag]
    key = hashlib.sha256(json.dumps([neutral, identity], sort_keys=True).encode()).hexdigest()[:16]
    header = directory / key / "extension.h"
    draft = draft_name(header)
    argv = (*flags, "-x", "c++-header", "-c", str(header), "-o", str(draft))
    return PrecompiledHeader(header=header, draft=draft, command=Command(argv=argv), units=tuple(units))
