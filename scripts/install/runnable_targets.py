"""Which targets a machine with certain cards runs, and the newest of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from packaging.version import Version

from scripts.graphics import Graphics
from scripts.install.served_cards import serves_none, without_code
from scripts.plan.target import Target


def newest_deepspeed(targets: Sequence[Target]) -> list[Target]:
    """Those with the newest DeepSpeed among them."""
    newest = max(Version(target.deepspeed) for target in targets)
    return [target for target in targets if Version(target.deepspeed) == newest]


def runs_on(target: Target, graphics: Graphics, arches: str, *, on_each: bool = True) -> bool:
    """Whether the target is for a machine with these cards: its driver and every NVIDIA card, or one at least, run it.

    A target for the CPU is for a machine without an NVIDIA driver. `arches` is the target's TORCH_CUDA_ARCH_LIST.
    """
    driver, wanted = graphics.driver_cuda, target.cuda_version
    if driver is None or wanted is None:
        return driver is None and wanted is None
    refused = (without_code if on_each else serves_none)(graphics, arches.split(";"))
    return Version(wanted) <= Version(driver) and not refused


def for_cards(targets: Sequence[Target], graphics: Graphics, arches: Mapping[str, str]) -> list[Target]:
    """Those that run on every card that is here; where there are none, on one at least."""
    for on_each in (True, False):
        found = [each for each in targets if runs_on(each, graphics, arches.get(each.cuda, ""), on_each=on_each)]
        if found:
            break
    return found
