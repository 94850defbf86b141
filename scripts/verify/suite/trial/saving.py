"""Saving and loading: training goes on as if never stopped, and the fp32 weights come out whole.

Usage: python saving.py PART
"""

from __future__ import annotations

import contextlib
import itertools
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import part  # type: ignore[import-not-found,unused-ignore]
import rank_processes  # type: ignore[import-not-found,unused-ignore]
import tiny  # type: ignore[import-not-found,unused-ignore]
import zero  # type: ignore[import-not-found,unused-ignore]

NUMBERS = itertools.count()
HALF = {"bf16": {"enabled": True}}


@contextlib.contextmanager
def folder() -> Iterator[str]:
    """A folder for a checkpoint, the same for all processes."""
    if part.world() > 1:
        yield f"{os.getcwd()}/checkpoint-{next(NUMBERS)}"  # noqa: PTH109
        return
    with tempfile.TemporaryDirectory(dir=os.getcwd(), ignore_cleanup_errors=True) as name:  # noqa: PTH109
        yield name


def half_way(settings: dict[str, Any], place: str) -> tuple[list[float], Any]:
    """The losses of the second half of a training whose first half was saved to `place`, and the engine."""
    trained = tiny.engine(settings)
    data, dtype = tiny.batches(), tiny.dtype_of(settings)
    tiny.steps(trained, data[:15], dtype)
    trained.save_checkpoint(place)
    return tiny.steps(trained, data[15:], dtype), trained


def resumed(settings: dict[str, Any]) -> part.Verdict:
    """Whether a fresh engine that loads the checkpoint goes on with the same losses."""
    if "offload_optimizer" in settings["zero_optimization"] and (reason := part.lacking("cpu_adam")):
        return None, reason
    with folder() as place:
        right, _ = half_way(settings, place)
        fresh = tiny.engine(settings)
        fresh.load_checkpoint(place)
        got = tiny.steps(fresh, tiny.batches()[15:], tiny.dtype_of(settings))
    worst = part.farthest(got, right)
    return worst <= 1e-3, f"loss {got[0]:.5f} -> {got[-1]:.5f}, without the stop {right[-1]:.5f}: {worst:.2g} apart"


def consolidated(settings: dict[str, Any]) -> part.Verdict:
    """Whether zero_to_fp32 makes the weights of the engine from its checkpoint."""
    if "offload_optimizer" in settings["zero_optimization"] and (reason := part.lacking("cpu_adam")):
        return None, reason
    import torch  # type: ignore[import-not-found,unused-ignore]
    from deepspeed.utils import zero_to_fp32  # type: ignore[import-not-found,unused-ignore]

    with folder() as place:
        trained = tiny.engine(settings)
        tiny.steps(trained, tiny.batches(5), tiny.dtype_of(settings))
        trained.save_checkpoint(place)
        state = zero_to_fp32.get_fp32_state_dict_from_zero_checkpoint(place)
    whole = tiny.model()
    whole.load_state_dict(state)
    types = {str(value.dtype) for value in state.values()}
    passed, detail = part.near(zero.weights(trained, whole.to(part.device())), 5e-3)  # bf16 rounds to 2^-9
    return passed and types == {str(torch.float32)}, f"{len(state)} weights of {', '.join(types)}: {detail}"


def universal(stage: int) -> part.Verdict:
    """Whether a checkpoint that ds_to_universal has made over loads, and training goes on with the same losses."""
    settings = tiny.config(stage, **HALF)
    with folder() as place:
        right, trained = half_way(settings, f"{place}/plain")
        trained.destroy()
        words = [
            "--input_folder",
            f"{place}/plain/global_step15",
            "--output_folder",
            f"{place}/universal/global_step15",
        ]
        command = [sys.executable, "-m", "deepspeed.checkpoint.ds_to_universal", *words, "--inject_missing_state"]
        code, output = rank_processes.ended(command, 120)
        if code:
            return False, f"ds_to_universal: exit code {code}, {output[-300:]}"
        with open(f"{place}/universal/latest_universal", "w", encoding="utf-8") as file:  # noqa: PTH123
            file.write("global_step15")
        fresh = tiny.engine({**settings, "checkpoint": {"load_universal": True}})
        fresh.load_checkpoint(f"{place}/universal", tag="global_step15")
        got = tiny.steps(fresh, tiny.batches()[15:], tiny.dtype_of(settings))
    worst = part.farthest(got, right)
    return worst <= 2e-2, f"loss {got[0]:.5f} -> {got[-1]:.5f}, without the stop {right[-1]:.5f}: {worst:.2g} apart"


def cases() -> dict[str, dict[str, Any]]:
    """The settings whose checkpoints are tried."""
    offload = {"offload_optimizer": zero.CPU}
    return {
        "ZeRO 0": tiny.config(0),
        "ZeRO 1 bf16": tiny.config(1, **HALF),
        "ZeRO 2 bf16": tiny.config(2, **HALF),
        "ZeRO 2 bf16, CPU offload": tiny.config(2, offload, **HALF),
        "ZeRO 3 bf16": tiny.config(3, **HALF),
    }


PARTS: dict[str, Callable[[], Sequence[part.Question]]] = {
    "save-and-load": lambda: [(name, partial(resumed, settings)) for name, settings in cases().items()],
    "zero-to-fp32": lambda: [
        (name, partial(consolidated, settings)) for name, settings in cases().items() if name != "ZeRO 0"
    ],
    "universal-checkpoint": lambda: [(f"ZeRO {stage}", partial(universal, stage)) for stage in (1, 2, 3)],
}

if __name__ == "__main__":
    part.main(PARTS)
