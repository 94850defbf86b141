"""costs.yaml: the memory that compiling takes, when a precompiled header pays, and what a job does beside compiling."""

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


@dataclass(frozen=True, kw_only=True)
class UnitRatio:
    """What a unit takes, over what the rows of deepspeed.yaml count for it."""

    system: System
    step: Annotated[str, choice("compile", "nvcc")]
    ratio: float
    source: Source


@dataclass(frozen=True, kw_only=True)
class StepCost:
    """What a hosted job does beside compiling: once, once for each Python, each target, or each that runs all parts."""

    system: System
    accelerator: Annotated[str, choice("cpu", "cuda")]
    each: Annotated[str, choice("job", "python", "target", "parts")]
    seconds: float
    bytes: int  # that are downloaded
    source: Source
