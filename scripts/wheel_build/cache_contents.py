"""What the cache holds, by kind, and what of it may go: nothing that a running build may have in its hands."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from scripts.command import Log, no_log
from scripts.dirs import Dirs
from scripts.errors import PrerequisiteError
from scripts.files import DRAFT, discard, is_link
from scripts.locks import LOCK, holder_of, locked
from scripts.stamp import STAMP
from scripts.toolchain.cuda.provide import DOWNLOADS
from scripts.wheel_build.build_lock import removing, running_builds
from scripts.wheel_build.cache import META

OF_STOPPED = ("unfinished", "downloads", "leftovers")  # kinds that only a stopped process leaves
LOCKED = ("unfinished", "portability")  # kinds of which each has a lock of its own, by its name
# of which a build takes at once what it needs; the others it may be reading
COPIED = ("ops", "units", "environments")


@dataclass(frozen=True, kw_only=True)
class Holding:
    """One thing that the cache holds, or all things of a kind that has many small ones."""

    kind: str
    name: str  # below the cache
    paths: tuple[Path, ...]  # what goes when it is freed
    bytes: int
    made: float  # seconds since 1970
    used: float
    state: str = "kept"  # "kept" | "freed" | "held": not to be removed now | "left": could not be removed
    reason: str = ""  # why it is held or left


Find: TypeAlias = Callable[[Dirs], Iterator[tuple[Path, ...]]]  # the paths of each holding of a kind


def contents(dirs: Dirs) -> list[Holding]:
    """Everything in the cache, kind by kind."""
    return [_holding(kind, dirs, paths) for kind, find in KINDS.items() for paths in find(dirs)]


def free(dirs: Dirs, kinds: Iterable[str], *, dry_run: bool = False, log: Log = no_log) -> list[Holding]:
    """Everything in the cache, with what became of it: freed when its kind is named and no build may be using it."""
    named = set(kinds)
    with removing(dirs, log):
        builds = running_builds(dirs)
        return [_freed(one, dirs, builds, dry_run=dry_run) if one.kind in named else one for one in contents(dirs)]


def _freed(holding: Holding, dirs: Dirs, builds: Mapping[str, str], *, dry_run: bool) -> Holding:
    if not holding.paths[0].parent.resolve().is_relative_to(dirs.cache.resolve()):
        return replace(holding, state="held", reason="a link leads out of the cache to it")
    if builds and holding.kind not in (*LOCKED, *COPIED):
        target, holder = next(iter(builds.items()))
        return replace(holding, state="held", reason=f"{target} is being built by {holder}")
    if dry_run:
        holder = holder_of(dirs.cache / holding.name) if holding.kind in LOCKED else ""
        return replace(holding, state="held" if holder else "freed", reason=holder and f"it is taken by {holder}")
    with ExitStack() as locks:
        if holding.kind in LOCKED:
            try:
                locks.enter_context(locked(dirs.cache / holding.name, "it is taken", wait=False))
            except PrerequisiteError as error:
                return replace(holding, state="held", reason=str(error))
        left = [path for path in holding.paths if not discard(path)]
    reason = f"{left[0]} is open in another program, or may not be removed" if left else ""
    return replace(holding, state="left" if left else "freed", reason=reason)


# ---------------------------------------------------------------- kinds


def _each_in(directory: Path, ending: str = "") -> list[Path]:
    """What lies in the directory, sorted; locks and drafts only where `ending` asks for them."""
    found = sorted(directory.iterdir()) if directory.is_dir() else []
    if ending:
        return [path for path in found if path.name.endswith(ending)]
    return [path for path in found if not path.name.endswith((DRAFT, LOCK, f"{LOCK}.json", DOWNLOADS))]


def _one_by_one(directory: Callable[[Dirs], Path], ending: str = "") -> Find:
    return lambda dirs: ((path,) for path in _each_in(directory(dirs), ending))


def _together(directories: Callable[[Dirs], Iterable[Path]]) -> Find:
    def find(dirs: Dirs) -> Iterator[tuple[Path, ...]]:
        found = tuple(path for directory in directories(dirs) for path in _each_in(directory))
        if found:
            yield found

    return find


def _leftovers(dirs: Dirs) -> Iterator[tuple[Path, ...]]:
    """What was being written, or removed, by a process that ended."""
    parts = [part for kind in (dirs.headers, dirs.ops, dirs.units / "objects") for part in _each_in(kind)]
    folders = (dirs.unfinished, dirs.toolkits, dirs.sources, dirs.captured, dirs.headers)
    for directory in (*folders, *parts):
        yield from ((path,) for path in _each_in(directory, DRAFT))


def _downloads(dirs: Dirs) -> Iterator[tuple[Path, ...]]:
    """Parts of a toolkit or of a wheel."""
    yield from ((path,) for path in [*_each_in(dirs.toolkits, DOWNLOADS), *_each_in(dirs.wheels)])


KINDS: Mapping[str, Find] = {
    "unfinished": _one_by_one(lambda dirs: dirs.unfinished),
    "downloads": _downloads,
    "leftovers": _leftovers,
    "sources": _together(lambda dirs: [dirs.sources]),
    "toolkits": _one_by_one(lambda dirs: dirs.toolkits),
    "headers": _one_by_one(lambda dirs: dirs.headers),
    "ops": _together(lambda dirs: _each_in(dirs.ops)),
    "units": _together(lambda dirs: [part for kind in _each_in(dirs.units) for part in _each_in(kind)]),
    "environments": _together(lambda dirs: [dirs.captured]),
    "portability": _together(lambda dirs: [dirs.portability]),
}
TOGETHER = ("sources", "ops", "units", "environments", "portability")
# What is written when each is made, and never again.
MARKERS = {
    "unfinished": f"source/{STAMP}",
    "toolkits": STAMP,
    "headers": "extension.h",
    "ops": META,
}


def _holding(kind: str, dirs: Dirs, paths: tuple[Path, ...]) -> Holding:
    uses = [_time(path) for path in paths]
    made = [_time(path / MARKERS[kind]) for path in paths] if kind in MARKERS else []
    below = paths[0].relative_to(dirs.cache)
    return Holding(
        kind=kind,
        name=below.parts[0] if kind in TOGETHER else below.as_posix(),
        paths=paths,
        bytes=sum(_bytes(path) for path in paths),
        made=min(one for one in (*made, *uses, time.time()) if one),
        used=max(uses),
    )


def _time(path: Path) -> float:
    try:
        return path.lstat().st_mtime
    except OSError:
        return 0.0


def _bytes(path: Path) -> int:
    """The bytes of a file, or of all files in a directory; links count as nothing and are not followed."""
    try:
        if is_link(path):
            return 0
        return sum(map(_bytes, path.iterdir())) if path.is_dir() else path.lstat().st_size
    except OSError:  # another process removes it meanwhile
        return 0
