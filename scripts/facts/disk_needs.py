"""costs.yaml: the room on disks that a build takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from scripts.schema.annotations import Source, System
from scripts.schema.readers import choice


@dataclass(frozen=True, kw_only=True)
class DiskNeed:
    """What one thing that a build writes takes at its largest."""

    system: System
    accelerator: Annotated[str, choice("cpu", "cuda")]
    what: Annotated[str, choice("packages", "headers", "work", "temporary", "toolkit", "archives", "wheel")]
    bytes: int
    source: Source
