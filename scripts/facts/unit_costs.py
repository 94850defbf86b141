"""costs.yaml: the memory that compiling takes."""

from __future__ import annotations

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
