"""What a hosted job keeps for later ones, under keys that name what is inside: the same content is never sent twice."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from scripts.dirs import Dirs
from scripts.plan.target import Target


@dataclass(frozen=True, kw_only=True)
class Cache:
    """One directory that is cached."""

    name: str  # "ops"
    prefix: str  # begins the key of every earlier state of it
    key: str  # of its state now; empty when there is nothing to keep

    def outputs(self) -> dict[str, str]:
        """The values that the workflow's steps take."""
        return {f"{self.name}-prefix": self.prefix, f"{self.name}-key": self.key}


def caches(target: Target, dirs: Dirs) -> tuple[Cache, ...]:
    """What a job for `target` keeps.

    The op cache is shared by all DeepSpeed releases of one platform, CUDA, torch and Python, since only these can have
    an op in common. Unfinished work is the target's own, and is not kept once it holds the environment of a
    verification: there is nothing left to resume then. A toolkit belongs to a CUDA version and a platform.
    """
    family = f"{target.platform}-{target.cuda}-torch{target.torch_minor}-{target.python_tag}"
    work = dirs.work(target.id)
    return (
        _cache("ops", family, dirs.ops),
        _cache("unfinished", target.id, work, keep=not (work / "proof").exists()),
        _cache("toolkits", f"{target.platform}-{target.cuda}", dirs.toolkits, keep=target.cuda != "cpu"),
    )


def _cache(name: str, scope: str, directory: Path, *, keep: bool = True) -> Cache:
    prefix = f"{name}-{scope}-"
    found = digest(directory) if keep else ""
    return Cache(name=name, prefix=prefix, key=found and prefix + found)


def digest(directory: Path) -> str:
    """16 hex digits that stand for the names and sizes of all files below the directory; empty when it has none."""
    files = sorted(_files(directory))
    text = "\n".join(f"{name} {size}" for name, size in files)
    return hashlib.sha256(text.encode()).hexdigest()[:16] if files else ""


def _files(directory: Path) -> Iterator[tuple[str, int]]:
    for path in directory.rglob("*"):
        if path.is_file():
            yield path.relative_to(directory).as_posix(), path.stat().st_size
