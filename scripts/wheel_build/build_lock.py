"""A build is alone with its work directory, and what builds share is removed only while no other build goes on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from scripts.command import Log, no_log
from scripts.dirs import Dirs
from scripts.locks import LOCK, holder_of, locked


@contextmanager
def building(target_id: str, dirs: Dirs, *, wait: bool = True, log: Log = no_log) -> Iterator[None]:
    """Alone with the target's work directory, among all checkouts that use this cache; see `locked` for errors."""
    with locked(dirs.work(target_id), f"{target_id} is being built", wait=wait, log=log):
        with removing(dirs, log):
            pass  # what was being removed when this build began is gone before it looks for it
        yield


@contextmanager
def removing(dirs: Dirs, log: Log = no_log) -> Iterator[None]:
    """Alone in removing what builds share: `running_builds` may use it, and one that begins meanwhile waits."""
    with locked(dirs.cache / "removal", "the cache is being freed", log=log):
        yield


def running_builds(dirs: Dirs, but: str = "") -> dict[str, str]:
    """The ids of the targets that are being built with this cache, without the one that asks: by whom."""
    ids = (file.name.removesuffix(LOCK) for file in sorted(dirs.unfinished.glob(f"*{LOCK}")))
    return {one: holder for one in ids if one != but and (holder := holder_of(dirs.work(one)))}
