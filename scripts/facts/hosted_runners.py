"""runners.yaml: hosted runner images, which of them build what, and the limits of the service."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from scripts.schema.annotations import RowName, Source, VersionText
from scripts.schema.readers import integer, keyed, source


@dataclass(frozen=True, kw_only=True)
class Runner:
    """A hosted runner image."""

    name: RowName
    visual_studio: str | None  # "2022 Enterprise 17.14"
    toolsets: tuple[VersionText, ...]
    source: Source
    glibc: VersionText | None = None  # "2.35"; a wheel that it builds may ask for no newer one


@dataclass(frozen=True, kw_only=True)
class BuildsOn:
    """The hosted image that builds the targets of a system, where no row of msvc.yaml names one."""

    runner: str
    reason: str
    source: Source


def _value_of_limit(value: int, source: Iterable[str]) -> int:
    return value


LIMIT = keyed(_value_of_limit, value=integer, source=source)
