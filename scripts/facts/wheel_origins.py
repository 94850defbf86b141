"""origins.yaml: whose a DeepSpeed wheel is, as its name shows it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

from scripts.schema.annotations import Source, VersionText
from scripts.schema.readers import pattern


@dataclass(frozen=True, kw_only=True)
class WheelOrigin:
    """One way in which wheels are named, and who names them so."""

    name: str  # "Astral's"
    label: Annotated[str, pattern]  # of the local version; empty for none
    systems: tuple[str, ...] = ()
    releases: tuple[VersionText, ...] = ()
    ours: bool = False
    says: str
    source: Source

    def match(self, release: str, label: str, system: str) -> re.Match[str] | None:
        """How the label is of this kind; None when the wheel is not."""
        if (self.systems and system not in self.systems) or (self.releases and release not in self.releases):
            return None
        return re.fullmatch(self.label, label)


def origin_of(
    origins: Iterable[WheelOrigin], release: str, label: str, system: str
) -> tuple[WheelOrigin, re.Match[str]] | None:
    """The first kind that the wheel is of, and how; None for one that no row knows."""
    found = ((origin, origin.match(release, label, system)) for origin in origins)
    return next(((origin, match) for origin, match in found if match), None)
