"""`Promises`: what the builder of a wheel states of its code; a wheel cannot state it by itself."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from scripts.wheel.manifest import manifest_path


@dataclass(frozen=True, kw_only=True)
class Promises:
    """The architectures and the CPU level a wheel was built for; None for what is not stated."""

    arches: str | None = None  # as TORCH_CUDA_ARCH_LIST, "8.0;9.0+PTX"
    cpu_level: str | None = None  # a level of cpu.yaml, "avx2"


NOTHING_PROMISED = Promises()


def read_promises(wheel: Path) -> Promises:
    """What the manifest beside a wheel states of its code; nothing when there is none, or it cannot be read."""
    try:
        document = json.loads(manifest_path(wheel).read_text(encoding="utf-8"))
        return Promises(arches=document["arches"], cpu_level=document["cpu_level"])
    except (OSError, ValueError, KeyError, TypeError):
        return NOTHING_PROMISED
