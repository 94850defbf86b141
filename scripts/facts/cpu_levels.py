"""cpu.yaml: what a CPU level of the matrix means, and the ops that ask for more."""

from __future__ import annotations

from dataclasses import dataclass

from packaging.specifiers import SpecifierSet

from scripts.schema.annotations import RowName, Source


@dataclass(frozen=True, kw_only=True)
class CpuLevel:
    """What a CPU level of the matrix means to the compilers and to DeepSpeed's own detection."""

    name: RowName  # "avx2"
    gcc: tuple[str, ...]  # flags that replace -march=native
    cpuinfo_flags: tuple[str, ...]  # what py-cpuinfo must appear to say
    refuses: tuple[str, ...]  # starts of CPU features that no compiled instruction may need, "AVX512"
    source: Source


@dataclass(frozen=True, kw_only=True)
class CpuException:
    """An op whose source asks for more than the CPU level by itself."""

    op: str
    versions: SpecifierSet
    reason: str
    source: Source
