"""torch.yaml: what each torch minor officially ships."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated

from packaging.specifiers import SpecifierSet

from scripts.schema.annotations import PerSystem, RowVersion, Source, VersionText
from scripts.schema.readers import arches, variant


@dataclass(frozen=True, kw_only=True)
class TorchRelease:
    """One torch minor: its patch releases and what its official wheels cover."""

    minor: RowVersion  # "2.6"
    patches: Mapping[str, date | None]  # full release -> release date, oldest first
    pythons: PerSystem[tuple[VersionText, ...]]  # "3.11", "3.13t", ...
    cuda: tuple[Annotated[str, variant], ...]  # variants on the PyTorch index beside cpu, "cu124"
    default_variant: PerSystem[str]  # variant of the plain wheel on the default index
    arches: PerSystem[Mapping[str, Annotated[str, arches]]]  # variant -> TORCH_CUDA_ARCH_LIST of the official binaries
    cxx11_abi: Mapping[str, int]  # Linux, variant -> _GLIBCXX_USE_CXX11_ABI
    msvc: VersionText  # toolset that linked the official Windows binaries, "14.29"
    setuptools: SpecifierSet  # what a build environment must hold; empty when any will do
    source: Source

    @property
    def newest(self) -> str:
        """The newest patch release, `2.5.1`."""
        return list(self.patches)[-1]
