"""Which targets a machine with certain cards runs, and the newest of them."""

from __future__ import annotations

from collections.abc import Sequence

from packaging.version import Version

from scripts.graphics import Graphics
from scripts.install.mismatches import runs_on_gpu
from scripts.plan.target import Target


def newest_deepspeed(targets: Sequence[Target]) -> list[Target]:
    """Those with the newest DeepSpeed among them."""
    newest = max(Version(target.deepspeed) for target in targets)
    return [target for target in targets if Version(target.deepspeed) == newest]


def runs_on(target: Target, graphics: Graphics, arches: str) -> bool:
    """Whether the target is for a machine with these cards: its driver and every NVIDIA card can run it.

    A target for the CPU is for a machine without an NVIDIA driver. `arches` is the target's TORCH_CUDA_ARCH_LIST.
    """
    driver, wanted = graphics.driver_cuda, target.cuda_version
    if driver is None or wanted is None:
        return driver is None and wanted is None
    cards = [gpu.capability for gpu in graphics.gpus if gpu.capability]
    codes = arches.split(";")
    return Version(wanted) <= Version(driver) and all(any(runs_on_gpu(c, card) for c in codes) for card in cards)
