"""Which of a machine's NVIDIA cards the code of a wheel, or of a torch, runs on."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from packaging.version import Version

from scripts.graphics import Gpu, Graphics


def without_code(graphics: Graphics, arches: Sequence[str]) -> tuple[Gpu, ...]:
    """The cards that none of these architectures runs on; what has no code for a GPU leaves none out by that."""
    known = {gpu.capability: gpu for gpu in graphics.gpus if gpu.capability} if arches else {}
    without = [known[each] for each in sorted(known) if not any(runs_on_gpu(arch, each) for arch in arches)]
    return tuple(without)


def serves_none(graphics: Graphics, arches: Sequence[str]) -> bool:
    """Whether there are cards, and it runs on none of them; one that only draws the screen stays unused as it is."""
    return bool(without := without_code(graphics, arches)) and len(without) == len(
        {gpu.capability for gpu in graphics.gpus if gpu.capability}
    )


def named(cards: Sequence[Gpu]) -> str:
    """`NVIDIA GeForce GT 1030 (6.1)`, for people."""
    return ", ".join(f"{gpu.name} ({gpu.capability})" for gpu in cards)


@cache
def runs_on_gpu(arch: str, capability: str) -> bool:
    """Whether code for `arch` runs on a GPU: machine code within its major version, PTX on everything newer.

    Source: NVIDIA's CUDA C++ programming guide, binary and PTX compatibility.
    """
    code, gpu = Version(arch.removesuffix("+PTX").rstrip("af")), Version(capability)
    if arch.endswith("a"):
        return code == gpu
    return code <= gpu and (code.major == gpu.major or arch.endswith("+PTX"))
