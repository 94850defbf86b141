"""manylinux.yaml: what every Linux of a manylinux level brings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from scripts.schema.annotations import Source, VersionText


@dataclass(frozen=True, kw_only=True)
class ManylinuxPolicy:
    """A level, and what it has that the one before it lacks."""

    glibc: VersionText  # "2.28", which names the level
    libraries: tuple[str, ...] = ()  # "libmvec.so.1"
    versions: Mapping[str, tuple[str, ...]]  # set of symbols -> its versions: "GLIBCXX" -> "3.4.25"
    hidden: tuple[str, ...] = ()  # symbols that are there and may not be used at this level
    source: Source
