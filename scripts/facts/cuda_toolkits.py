"""cuda.yaml: what each CUDA toolkit compiles with and for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from scripts.schema.annotations import PerSystem, RowVersion, Source, VersionText
from scripts.schema.readers import choice


@dataclass(frozen=True, kw_only=True)
class CudaToolkit:
    """One CUDA minor: what its compiler accepts and what a driver must offer."""

    version: RowVersion  # "12.4"
    releases: tuple[VersionText, ...]  # "12.4.0", "12.4.1"
    msvc_min: int  # lowest accepted _MSC_VER
    msvc_below: int  # first refused _MSC_VER
    gcc_max: int
    sms: tuple[int, ...]  # 50 ... 90
    driver_min: PerSystem[VersionText]
    pip_compiler: PerSystem[Annotated[str, choice("yes", "partial", "no")]]
    other_compilers: tuple[str, ...] = ()  # systems of no target here that wheels bring the compiler for
    source: Source
