"""What a hosted job keeps for later ones, under keys that name what is inside: the same content is never sent twice."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from scripts.dirs import CHECKOUT, Dirs
from scripts.plan.target import Target

PROOF = "proof"  # of a target's work: with the environment of a verification there is nothing left to resume


@dataclass(frozen=True, kw_only=True)
class Cache:
    """One directory that is cached."""

    name: str  # "ops"
    prefix: str  # begins the key of every earlier state of it
    key: str  # of its state now; empty when there is nothing to keep
    path: str = ""  # where it lies, seen from the checkout, unless that is always the same

    def outputs(self) -> dict[str, str]:
        """The values that the workflow's steps take."""
        path = {f"{self.name}-path": self.path} if self.path else {}
        return {f"{self.name}-prefix": self.prefix, f"{self.name}-key": self.key, **path}


def caches(targets: Sequence[Target], dirs: Dirs) -> tuple[Cache, ...]:
    """What a job for these `targets` keeps, which are of one platform, CUDA and torch.

    Ops and units are shared by all DeepSpeed releases and Pythons of one platform, CUDA and torch: what has one of
    these differently can have no op in common, and few units. Unfinished work is that of the one target that was
    stopped; before anything was begun that of the first, which is the one to be resumed. A toolkit belongs to a CUDA
    version and a platform.
    """
    first = targets[0]
    toolkit = f"{first.platform}-{first.cuda}"
    family = f"{toolkit}-torch{first.torch_minor}"
    stopped = next((target for target in targets if _can_be_resumed(target, dirs)), None)
    resumed = stopped or first
    unfinished = _cache("unfinished", resumed.id, dirs.work(resumed.id), keep=stopped is not None)
    return (
        _cache("ops", family, dirs.ops),
        _cache("units", family, dirs.units),
        replace(unfinished, path=_from_checkout(dirs.work(resumed.id))),
        _cache("toolkits", toolkit, dirs.toolkits, keep=first.cuda != "cpu"),
    )


def _can_be_resumed(target: Target, dirs: Dirs) -> bool:
    work = dirs.work(target.id)
    return work.is_dir() and not (work / PROOF).exists()


def _cache(name: str, scope: str, directory: Path, *, keep: bool = True) -> Cache:
    prefix = f"{name}-{scope}-"
    found = digest(directory) if keep else ""
    return Cache(name=name, prefix=prefix, key=found and prefix + found)


def _from_checkout(directory: Path) -> str:
    """What is kept is found again by its path, as it was written, too."""
    inside = directory.is_relative_to(CHECKOUT)
    return (directory.relative_to(CHECKOUT) if inside else directory).as_posix()


def digest(directory: Path) -> str:
    """16 hex digits that stand for the names and sizes of all files below the directory; empty when it has none."""
    files = sorted(_files(directory))
    text = "\n".join(f"{name} {size}" for name, size in files)
    return hashlib.sha256(text.encode()).hexdigest()[:16] if files else ""


def _files(directory: Path) -> Iterator[tuple[str, int]]:
    for path in directory.rglob("*"):
        if path.is_file():
            yield path.relative_to(directory).as_posix(), path.stat().st_size
