"""`Promises`: what whoever built a wheel says of its code; a wheel cannot say it by itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Promises:
    """The architectures and the CPU level a wheel was built for; None for what nobody said."""

    arches: str | None = None  # as TORCH_CUDA_ARCH_LIST, "8.0;9.0+PTX"
    cpu_level: str | None = None  # a level of cpu.yaml, "avx2"


NOTHING_PROMISED = Promises()
