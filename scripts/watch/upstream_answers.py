"""What the world serves, by the source that was asked; a source that does not answer says nothing, not "nothing"."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Generic, TypeVar

import requests

from scripts.command import Log
from scripts.errors import WheelsError
from scripts.outgoing import redacted

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class ServedFile:
    """A file of a release on the package index."""

    name: str
    url: str
    size: int  # bytes; 0 where the index does not say
    sha256: str
    day: date | None = None  # of its upload


@dataclass(frozen=True, kw_only=True)
class ServedRelease:
    """A release of a project: its files, and the day of the first wheel."""

    version: str
    day: date | None
    sdist: ServedFile | None
    wheels: tuple[ServedFile, ...]
    final: bool  # no release candidate, alpha or development version


@dataclass(frozen=True, kw_only=True)
class ServedImage:
    """What a hosted Windows image has."""

    visual_studio: str  # "2022 Enterprise 17.14"
    components: frozenset[str]  # ids of the installer
    toolset: str  # of its newest run-time library, "14.44"


Releases = Mapping[str, ServedRelease]  # by version, oldest first
Variants = Mapping[str, Mapping[str, Mapping[str, tuple[ServedFile, ...]]]]  # release -> system -> variant -> wheels


@dataclass(frozen=True, kw_only=True)
class SourceAnswer(Generic[T]):
    """What a source said; None when it did not answer, and why."""

    source: str
    value: T | None
    reason: str = ""


def asked(source: str, ask: Callable[[], T], log: Log) -> SourceAnswer[T]:
    """The answer of a source, or why there is none."""
    log(f"asking {source}")
    try:
        return SourceAnswer(source=source, value=ask())
    except (WheelsError, requests.RequestException, ValueError, KeyError, TypeError, RecursionError) as error:
        reason = redacted(str(error)).splitlines()[0] if str(error) else type(error).__name__
        log(f"  unknown: {reason}")
        return SourceAnswer(source=source, value=None, reason=reason)


@dataclass(frozen=True, kw_only=True)
class World:
    """All answers."""

    deepspeed: SourceAnswer[Releases]
    torch: SourceAnswer[Releases]
    toolkits: SourceAnswer[Releases]
    compilers: SourceAnswer[Releases]  # nvcc's wheels
    variants: SourceAnswer[Variants]
    archives: SourceAnswer[tuple[str, ...]]  # toolkits of NVIDIA's archive
    pythons: SourceAnswer[tuple[str, ...]]  # minors
    labels: SourceAnswer[tuple[str, ...]]  # of hosted images
    images: Mapping[str, SourceAnswer[ServedImage]]

    @property
    def silent(self) -> tuple[SourceAnswer[object], ...]:
        """Those that did not answer."""
        indexes: list[SourceAnswer[Any]] = [self.deepspeed, self.torch, self.toolkits, self.compilers, self.variants]
        others: list[SourceAnswer[Any]] = [self.archives, self.pythons, self.labels, *self.images.values()]
        return tuple(each for each in (*indexes, *others) if each.value is None)
