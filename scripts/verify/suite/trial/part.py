"""Shared by the programs of this folder: asks one part's questions and prints the answers, as the suite's scripts do.

A part is a function that returns its questions; a question says whether it passed (None: skipped) and the detail.
"""

from __future__ import annotations

import math
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import prebuilt  # type: ignore[import-not-found,unused-ignore]
import train  # type: ignore[import-not-found,unused-ignore]

Verdict = tuple[bool | None, str]
Question = tuple[str, Callable[[], Verdict]]
Part = Callable[[], Sequence[Question]]
Tensor = Any


def main(parts: Mapping[str, Part]) -> None:
    """Ask the part that the command line names last, after what a launcher adds, and print the document."""
    prebuilt.forbid_compiling()
    train.pretend_launcher()
    train.forget_missing_ops(prebuilt.installed_ops())
    prebuilt.emit(answers(parts[sys.argv[-1]]()))


def answers(questions: Sequence[Question]) -> Iterator[prebuilt.Check]:
    """The check of each question; of several processes one that raised ends at once, for the others wait for it."""
    for name, ask in questions:
        found = answer(name, ask)
        raised = found.pop("raised")
        yield found
        if raised and world() > 1:
            sys.stderr.flush()
            os._exit(1)


def answer(name: str, ask: Callable[[], Verdict]) -> prebuilt.Check:
    """The check with the seconds it took; whatever the library raises fails it, and the log has the traceback."""
    started, raised = time.monotonic(), False
    try:
        passed, detail = ask()
    except Exception as error:  # noqa: BLE001 - whatever DeepSpeed raises is the answer
        traceback.print_exc()
        passed, detail, raised = False, f"{type(error).__name__}: {error}", True
    detail = f"process {rank()}: {detail}" if passed is False and world() > 1 else detail
    return {**prebuilt.check(name, passed, detail), "seconds": round(time.monotonic() - started, 2), "raised": raised}


def world() -> int:
    """How many processes the part has."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def rank() -> int:
    """Which of them this is."""
    return int(os.environ.get("RANK", "0"))


def stage() -> int:
    """Which stage of the part this is, when others with other processes come before or after it."""
    return int(os.environ.get("PART_STAGE", "0"))


def everybodys(value: float) -> float:
    """The mean of a number over all processes."""
    if world() == 1:
        return value
    import torch  # type: ignore[import-not-found,unused-ignore]

    summed = torch.tensor([value], device=device(), dtype=torch.float64)
    torch.distributed.all_reduce(summed)
    return float(summed) / world()


def device() -> Any:
    """Where the programs compute: the GPU, or the CPU where DeepSpeed chose that."""
    from deepspeed.accelerator import get_accelerator  # type: ignore[import-not-found,unused-ignore]

    return get_accelerator().current_device_name()


def lacking(*ops: str) -> str:
    """What of `ops` the wheel does not have, as a reason to skip; empty when all are there."""
    missing = [op for op in ops if op not in prebuilt.installed_ops()]
    return f"{', '.join(missing)} is not in this wheel" if missing else ""


def make_pinned() -> None:
    """Load the op that page-locks memory, whose symbols async_io takes since 0.19.8; before, async_io has its own."""
    from deepspeed.ops.op_builder.all_ops import ALL_OPS  # type: ignore[import-not-found,unused-ignore]

    if "pin_memory" in ALL_OPS:
        ALL_OPS["pin_memory"].load()


def apart(got: Tensor, right: Tensor) -> float:
    """How far `got` is from `right`, relative to the size of `right`; infinite for a wrong shape or for nan."""
    import torch  # type: ignore[import-not-found,unused-ignore]

    if got.shape != right.shape or not bool(torch.isfinite(got.float()).all()):
        return float("inf")
    got, right = got.detach().double().cpu(), right.detach().double().cpu()
    return float((got - right).norm() / right.norm().clamp(min=1e-12))


def near(pairs: Mapping[str, tuple[Tensor, Tensor]], most: float) -> Verdict:
    """Whether each pair of (got, right) is at most `most` apart; the detail names the worst."""
    distances = {name: apart(got, right) for name, (got, right) in pairs.items()}
    worst = max(distances, key=lambda name: distances[name])
    where = f" ({worst})" if len(distances) > 1 else ""
    return distances[worst] <= most, f"worst relative error {distances[worst]:.2g}{where}, may be {most:g}"


def same_losses(
    got: Sequence[float], right: Sequence[float], most: float = 1e-3, fall: float = 2.0, of: str = "torch"
) -> Verdict:
    """Whether each loss is that of `right`, at most `most` of it apart, and the last is below the first `fall`-fold."""
    worst = farthest(got, right)
    fell = got[-1] * fall < got[0]
    detail = f"loss {got[0]:.4f} -> {got[-1]:.4f}, {of} {right[-1]:.4f}: {worst:.2g} apart, may be {most:g}"
    return worst <= most and fell, detail  # False for nan, too


def farthest(got: Sequence[float], right: Sequence[float]) -> float:
    """The largest relative difference of two rows of losses; infinite where one is nan, which max() may pass over."""
    found = [abs(ours - theirs) / abs(theirs) for ours, theirs in zip(got, right, strict=True)]
    return max(found) if all(math.isfinite(each) for each in found) else math.inf


def falls(losses: Sequence[float], factor: float) -> Verdict:
    """Whether the last loss is below the first by `factor`."""
    return losses[-1] * factor < losses[0], f"loss {losses[0]:.4f} -> {losses[-1]:.4f}, must fall {factor:g}-fold"
