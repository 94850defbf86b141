"""units.txt: what each op is compiled from, unit by unit, since which release, and how far its content reaches.

The file is written by `python -m scripts.commands.unit_list` from the pinned sdists and torch's headers. A unit that
reaches Python's headers is another one for each Python, one that reaches torch's alone for each torch, and one that
reaches neither for each CUDA, and is "joined" where one nvcc compile serves the architectures of a family; one that
reaches Python by torch/extension.h alone, and has no binding, gets a smaller one from g++ and then reaches torch. Of
two releases a unit is another one where its digest is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from packaging.version import Version

from scripts.errors import DataError

LISTING = Path(__file__).parent.parent / "data" / "units.txt"
GONE = "-"
REACHES = ("python", "extension", "torch", "neither", "joined")
HEAD = (
    "# Written by `python -m scripts.commands.unit_list`: accelerator, op and source of a unit, and since which\n"
    "# release it reaches which headers (python; extension: Python's by torch/extension.h alone, without a binding;\n"
    "# torch; neither; joined: neither, and no architectures of a family are told apart), with a digest of its\n"
    "# content, its options and every file of the source which it includes.\n"
    "# `-`: from this release on the op has it no more.\n"
)


@dataclass(frozen=True, kw_only=True)
class ListedUnit:
    """One source of an op, as it is in a release."""

    source: str  # "csrc/adam/multi_tensor_adam.cu"
    reach: str  # the farthest of REACHES
    digest: str

    @property
    def is_nvcc(self) -> bool:
        """Whether nvcc compiles it."""
        return is_nvcc(self.source)


def is_nvcc(source: str) -> bool:
    """Whether nvcc compiles the source."""
    return source.endswith(".cu")


Kind = tuple[str, str]  # accelerator and op
Units = Mapping[Kind, tuple[ListedUnit, ...]]  # of one release
Histories = dict[str, tuple[tuple[str, ListedUnit | None], ...]]  # source -> since which release it is what


def unit_histories_text(releases: Mapping[str, Units]) -> str:
    """The listing of these releases."""
    versions = sorted(releases, key=Version)
    known = {(kind, unit.source) for units in releases.values() for kind, found in units.items() for unit in found}
    lines = (_line(kind, source, versions, releases) for kind, source in sorted(known))
    return HEAD + "".join(f"{line}\n" for line in lines)


def _line(kind: Kind, source: str, versions: Iterable[str], releases: Mapping[str, Units]) -> str:
    words, before = [*kind, source], GONE
    for version in versions:
        unit = next((unit for unit in releases[version].get(kind, ()) if unit.source == source), None)
        now = f"{unit.reach}:{unit.digest}" if unit else GONE
        if now != before:
            words.append(f"{version}={now}")
            before = now
    return " ".join(words)


def read_unit_histories(text: str, name: str = LISTING.name) -> dict[Kind, Histories]:
    """By accelerator and op, each source with the releases since which it is so; raises DataError with every fault."""
    found: dict[Kind, Histories] = {}
    problems = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("#"):
            continue
        try:
            accelerator, op, source, *states = line.split(" ")
            found.setdefault((accelerator, op), {})[source] = tuple(_state(source, state) for state in states)
        except ValueError:
            problems.append(f"{name}:{number}: {line[:80]!r} is no line of it; scripts.commands.unit_list writes it")
    if problems:
        raise DataError(name, problems)
    return found


def _state(source: str, text: str) -> tuple[str, ListedUnit | None]:
    since, _, state = text.partition("=")
    release = str(Version(since))
    if state == GONE:
        return release, None
    reach, _, digest = state.partition(":")
    if reach not in REACHES or not digest:
        raise ValueError(text)
    return release, ListedUnit(source=source, reach=reach, digest=digest)


@cache
def load_unit_histories() -> dict[Kind, Histories]:
    """Those of this checkout."""
    return read_unit_histories(LISTING.read_text(encoding="utf-8"))


def units_of(accelerator: str, op: str, release: str) -> tuple[ListedUnit, ...]:
    """The units of the op in a release; none where they are not listed."""
    histories = load_unit_histories().get((accelerator, op), {})
    return tuple(unit for states in histories.values() for unit in _at(states, Version(release)))


def _at(states: tuple[tuple[str, ListedUnit | None], ...], release: Version) -> Iterator[ListedUnit]:
    since = [unit for version, unit in states if Version(version) <= release]
    if since and since[-1]:
        yield since[-1]
