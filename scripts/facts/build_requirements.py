"""environment.yaml: what a build environment holds beside torch, and what a wheel's metadata must add."""

from __future__ import annotations

from dataclasses import dataclass

from scripts.facts.condition import When
from scripts.schema.annotations import Source


@dataclass(frozen=True, kw_only=True)
class BuildRequirements:
    """What a build environment holds beside torch."""

    packages: tuple[str, ...]
    also_required: tuple[str, ...]  # by a wheel, beside these packages
    of_one_python: tuple[str, ...]  # the large ones whose files are for one Python alone
    setuptools: str
    source: Source


@dataclass(frozen=True, kw_only=True)
class AddedRequirement:
    """A requirement that a wheel's metadata must name though upstream forgets it."""

    add: str
    when: When
    reason: str
    source: Source
