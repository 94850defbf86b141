"""cuda.yaml: which GPU architectures are compiled alike, and where headers tell them apart."""

from __future__ import annotations

from dataclasses import dataclass

from scripts.schema.annotations import Source


@dataclass(frozen=True, kw_only=True)
class ArchFamily:
    """Architectures for which cicc makes the same of the same source."""

    sms: tuple[int, ...]  # 80, 86, 89
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
