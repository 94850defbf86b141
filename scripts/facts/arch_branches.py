"""cuda.yaml: which GPU architectures are compiled alike, and where headers tell them apart."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from scripts.schema.annotations import Source


@dataclass(frozen=True, kw_only=True)
class ArchFamily:
    """Architectures for which cicc makes the same of the same source."""

    sms: tuple[int, ...]  # 80, 86, 89
    ratio: float  # processor seconds of one compile for all of them, over one for each
    source: Source


@dataclass(frozen=True, kw_only=True)
class HeaderBranches:
    """Where headers that are not DeepSpeed's tell architectures apart."""

    headers: tuple[str, ...]  # as an #include names them; globs
    numbers: tuple[int, ...]  # from each on the header may hold something else, as `__CUDA_ARCH__` has it: 800
    source: Source


@dataclass(frozen=True, kw_only=True)
class ArchRows:
    """Both kinds of rows."""

    families: tuple[tuple[int, ...], ...]
    branches: tuple[HeaderBranches, ...]


def arch_rows(families: Iterable[ArchFamily], branches: Iterable[HeaderBranches]) -> ArchRows:
    """The rows as those who read sources want them."""
    return ArchRows(families=tuple(row.sms for row in families), branches=tuple(branches))
