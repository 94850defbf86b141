"""costs.yaml: the memory that compiling takes, and when a precompiled header pays."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

from scripts.schema.annotations import Source, System
from scripts.schema.readers import choice


@dataclass(frozen=True, kw_only=True)
class UnitCost:
    """The memory that compiling one translation unit takes on one system, in one thread of its compiler."""

    system: System
    step: Annotated[str, choice("compile", "nvcc")]
    peak_bytes: int
    source: Source


@dataclass(frozen=True, kw_only=True)
class HeaderCost:
    """Processor seconds of making a precompiled header, and of a unit without and with it."""

    header: Annotated[str, choice("tensors", "bindings", "torch")]  # what of torch's headers it holds
    make: float
    parsed: float
    taken: float
    source: Source

    @property
    def pays_from(self) -> int:
        """The number of units from which making it costs less than it spares."""
        return math.floor(self.make / (self.parsed - self.taken)) + 1
