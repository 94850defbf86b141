"""Which targets a first person with a machine tries: one of each kind, the least certain first."""

from __future__ import annotations

from collections.abc import Sequence

from packaging.version import Version

from scripts.plan.target import Target

# CUDA 13 with torch 2.12 and newer is the first that MSVC compiles as C++20 (rule cpp20-msvc-untried), 13.2 the first
# whose headers refuse its old preprocessor; nobody has published a CPU wheel for Windows; upstream's were for CUDA 12.
LEAST_CERTAIN_FIRST = ("cu132", "cu130", "cpu", "cu124")


def trial_targets(targets: Sequence[Target], python: str) -> tuple[Target, ...]:
    """Of each kind that is among the targets the newest DeepSpeed and torch; for this Python where there is one."""

    def rank(target: Target) -> tuple[object, ...]:
        own = target.python == python
        return (Version(target.deepspeed), Version(target.torch), own, Version(target.python.removesuffix("t")))

    kinds = ([target for target in targets if target.cuda == cuda] for cuda in LEAST_CERTAIN_FIRST)
    return tuple(max(of_kind, key=rank) for of_kind in kinds if of_kind)
