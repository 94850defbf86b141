"""gpu.yaml: compute capabilities and the cards that have them."""

from __future__ import annotations

from dataclasses import dataclass

from scripts.schema.annotations import Source


@dataclass(frozen=True, kw_only=True)
class GpuGeneration:
    """One compute capability and the cards that have it."""

    sm: int  # 86
    names: str  # for people
    cards: tuple[str, ...]  # words of a card's name that tell it, # being a digit: "RTX 30##"
    source: Source
