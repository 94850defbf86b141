"""watched.yaml: where it is looked up whether the world serves what the data do not know yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from scripts.schema.annotations import RowName, Source, VersionText
from scripts.schema.readers import choice


@dataclass(frozen=True, kw_only=True)
class WatchedProject:
    """A project of the package index, and the oldest release that the data know."""

    project: RowName
    since: VersionText
    source: Source


@dataclass(frozen=True, kw_only=True)
class WatchedPage:
    """A page elsewhere, and what it holds."""

    read_as: Annotated[str, choice("torch-files", "cuda-archives", "python-releases", "image-labels")]
    address: str
    source: Source


@dataclass(frozen=True, kw_only=True)
class WatchedImage:
    """The list of what is installed on a hosted image."""

    image: RowName  # of runners.yaml
    address: str
    source: Source
