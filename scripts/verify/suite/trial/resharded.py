"""A universal checkpoint that other numbers of processes go on from: saved in the first stage, loaded in the next ones.

Usage: python resharded.py PART
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import part  # type: ignore[import-not-found,unused-ignore]
import tiny  # type: ignore[import-not-found,unused-ignore]

HALF_WAY = 15
MOST = 2e-2  # of bf16, whose sums depend on how many take part


def settings(stage: int) -> dict[str, Any]:
    """The engine's configuration."""
    found: dict[str, Any] = tiny.config(stage, bf16={"enabled": True})
    return found


def saved(stage: int) -> part.Verdict:
    """Whether a checkpoint is saved and made universal; the losses of going on are kept for the stages that follow."""
    import torch  # type: ignore[import-not-found,unused-ignore]

    place = Path.cwd() / f"zero-{stage}"
    trained = tiny.engine(settings(stage))
    data, dtype = tiny.batches(), torch.bfloat16
    tiny.steps(trained, data[:HALF_WAY], dtype)
    trained.save_checkpoint(str(place / "plain"))
    torch.distributed.barrier()
    if part.rank() == 0:
        make_universal(place)
    losses = tiny.steps(trained, data[HALF_WAY:], dtype)
    trained.destroy()
    if part.rank() == 0:
        (place / "losses.json").write_text(json.dumps(losses), encoding="utf-8")
    return (place / "plain").is_dir(), f"saved by {part.world()} processes, loss then {losses[0]:.5f}"


def make_universal(place: Path) -> None:
    """Convert the checkpoint, in this process."""
    from deepspeed.checkpoint import ds_to_universal  # type: ignore[import-not-found,unused-ignore]

    tag = f"global_step{HALF_WAY}"
    folders = ["--input_folder", str(place / "plain" / tag), "--output_folder", str(place / "universal" / tag)]
    workers = ["--num_extract_workers", "1", "--num_merge_workers", "1"]
    kept, sys.argv = sys.argv, ["ds_to_universal", *folders, *workers, "--inject_missing_state"]
    try:
        ds_to_universal.main(ds_to_universal.parse_arguments())
    finally:
        sys.argv = kept
    (place / "universal" / "latest_universal").write_text(tag, encoding="utf-8")


def loaded(stage: int) -> part.Verdict:
    """Whether this number of processes goes on from the checkpoint with the losses of those that saved it."""
    import torch  # type: ignore[import-not-found,unused-ignore]

    place = Path.cwd() / f"zero-{stage}"
    right = json.loads((place / "losses.json").read_text(encoding="utf-8"))
    fresh = tiny.engine({**settings(stage), "checkpoint": {"load_universal": True}})
    fresh.load_checkpoint(str(place / "universal"), tag=f"global_step{HALF_WAY}")
    got = tiny.steps(fresh, tiny.batches()[HALF_WAY:], torch.bfloat16)
    fresh.destroy()
    worst = part.farthest(got, right)
    return worst <= MOST, f"loss {got[0]:.5f} -> {got[-1]:.5f}, without the stop {right[-1]:.5f}: {worst:.2g} apart"


def universal() -> Sequence[part.Question]:
    """The questions of this stage."""
    ask = loaded if part.stage() else saved
    what = f"loaded by {part.world()}" if part.stage() else f"saved by {part.world()}"
    return [(f"ZeRO {stage}, {what}", partial(ask, stage)) for stage in (1, 3)]


PARTS: dict[str, Callable[[], Sequence[part.Question]]] = {"universal-resharded": universal}

if __name__ == "__main__":
    part.main(PARTS)
