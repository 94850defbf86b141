"""flags.yaml: what is changed in the commands that upstream and torch would run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from scripts.facts.condition import ALWAYS, When
from scripts.schema.annotations import Source, System
from scripts.schema.readers import choice, pattern


@dataclass(frozen=True, kw_only=True)
class FlagEdit:
    """One change to every command of one step on one system."""

    id: str
    system: System
    step: Annotated[str, choice("compile", "nvcc", "link")]
    drop: tuple[Annotated[str, pattern], ...] = ()  # regular expressions for whole words
    append: tuple[str, ...] = ()
    when: When = ALWAYS
    reason: str
    source: Source
