"""rules.yaml: what is known of combinations: which cannot work, and what to know of those that do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from scripts.facts.condition import When
from scripts.schema.annotations import Source
from scripts.schema.readers import choice


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A known truth about targets: `refuse` it, `fix` it (the hint makes it work) or `warn`."""

    id: str
    level: Annotated[str, choice("refuse", "fix", "warn")]
    when: When
    reason: str
    hint: str | None  # what makes it work, of a fix
    audience: Annotated[str, choice("user", "builder")] = "user"  # whom a fix or a warning concerns
    source: Source
