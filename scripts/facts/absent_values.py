"""rules.yaml: what people ask for that is on no axis of the matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from scripts.schema.annotations import Source
from scripts.schema.readers import choice


@dataclass(frozen=True, kw_only=True)
class AbsentValue:
    """Why no target has such a value, which no rule can be asked about."""

    axis: Annotated[str, choice("platform", "cuda", "python")]
    values: tuple[str, ...]  # as people and systems write them, with * for any text
    reason: str
    source: Source
