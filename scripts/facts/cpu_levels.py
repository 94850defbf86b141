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
    vector_bits: int  # width of its vector registers; 0 for none
    prints: str  # the word by which DeepSpeed's optimizers call it, "AVX2"
    without_promise: bool = False  # what a wheel may ask for whose builder states no level
    source: Source


@dataclass(frozen=True, kw_only=True)
class VectorOp:
    """An op that DeepSpeed writes by hand for the vector registers of a level."""

    name: RowName
    multiply_adds: int  # the fewest fused multiply-adds of a level's width that are taken for its vector code
    source: Source


@dataclass(frozen=True, kw_only=True)
class CpuException:
    """An op whose source asks for more than the CPU level by itself."""

    op: str
    versions: SpecifierSet
    asks_first: bool = False  # the processor, before it runs what not every one has
    reason: str
    source: Source
