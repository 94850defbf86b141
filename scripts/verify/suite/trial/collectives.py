"""Communication between processes: every collective against what arithmetic says, and the op of shared memory.

Usage: python collectives.py PART
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import part  # type: ignore[import-not-found,unused-ignore]

SIZES = (1, 64, 1001)
SHARED_SIZES = (64, 1001, 65_537, 500_000)  # below and above the size at which the op changes its way


def everyones(size: int, dtype: str) -> list[Any]:
    """What each process has: whole numbers, no two the same, which bf16 adds up exactly."""
    import torch  # type: ignore[import-not-found,unused-ignore]

    count = part.world()
    return [(torch.arange(size * count) % 100 + rank).to(getattr(torch, dtype)) for rank in range(count)]


def collected(dtype: str) -> part.Verdict:
    """Whether each collective brings every process the values that it should."""
    import deepspeed.comm as dist  # type: ignore[import-not-found,unused-ignore]
    import torch  # type: ignore[import-not-found,unused-ignore]

    dist.init_distributed()
    wrong = []
    for size in SIZES:
        for name, (got, right) in pairs(dist, everyones(size, dtype), size).items():
            wrong += [] if torch.equal(got.cpu(), right) else [f"{name} of {size}"]
    backend = torch.distributed.get_backend()
    return not wrong, f"{backend}, {part.world()} processes; wrong: {', '.join(wrong) or 'none'}"


def pairs(dist: Any, values: list[Any], size: int) -> dict[str, tuple[Any, Any]]:
    """By collective what this process has after it, and what it should have."""
    import torch  # type: ignore[import-not-found,unused-ignore]

    me, count, mine = part.rank(), part.world(), values[part.rank()].to(part.device())
    total = torch.stack([value.float() for value in values]).sum(dim=0).to(mine.dtype)
    summed, sent, gathered = mine.clone(), mine.clone(), mine.new_zeros(count * len(mine))
    dist.all_reduce(summed)
    dist.broadcast(sent, count - 1)
    dist.all_gather_into_tensor(gathered, mine)
    swapped = torch.zeros_like(mine)
    dist.all_to_all_single(swapped, mine)
    received = torch.zeros_like(mine)
    if me == 0:
        dist.send(mine, 1)
        received = mine
    elif me == 1:
        dist.recv(received, 0)
    scattered = mine.new_zeros(size)
    dist.scatter(scattered, list(mine.split(size)) if me == 0 else [], src=0)
    dist.barrier()
    return {
        "all_reduce": (summed, total),
        "broadcast": (sent, values[count - 1]),
        "all_gather": (gathered, torch.cat(values)),
        "all_to_all": (swapped, torch.cat([value[me * size : (me + 1) * size] for value in values])),
        "send and recv": (received, values[0] if me < 2 else torch.zeros_like(values[0])),
        "scatter": (scattered, values[0][me * size : (me + 1) * size]),
    }


# ---------------------------------------------------------------- deepspeed_shm_comm


def shared(dtype: str) -> part.Verdict:
    """Whether the op's all-reduce adds up every value of both processes, the last one of odd sizes, too."""
    import deepspeed.comm as dist  # type: ignore[import-not-found,unused-ignore]
    import torch  # type: ignore[import-not-found,unused-ignore]

    reason = unusable(dtype)
    if reason:
        return None, reason
    dist.init_distributed()  # which initializes the op
    wrong = []
    for size in SHARED_SIZES:
        values = everyones(size, dtype)
        mine = values[part.rank()].clone()
        right = torch.stack([value.float() for value in values]).sum(dim=0).to(mine.dtype)
        torch.ops.deepspeed.inference_all_reduce_(mine)
        far = (mine != right).nonzero().flatten()
        wrong += [f"{len(far)} of {mine.numel()} values, the first at {int(far[0])}"] if len(far) else []
    return not wrong, "; ".join(wrong) or f"{part.world()} processes, {len(SHARED_SIZES)} sizes: exact"


def unusable(dtype: str) -> str:
    """Why the op cannot add up this type here; before 0.19.8 it asks no processor whether it has AVX-512."""
    from deepspeed.ops.op_builder.all_ops import ALL_OPS  # type: ignore[import-not-found,unused-ignore]

    reason: str = part.lacking("deepspeed_shm_comm")
    if reason:
        return reason
    op = ALL_OPS["deepspeed_shm_comm"].load()
    if hasattr(op, "vector_kernel_level"):
        enough = op.vector_kernel_level() >= (1 if dtype == "float32" else 2)
        return "" if enough else f"this processor lacks the vectors that it adds up {dtype} with"
    has = "avx512f" in Path("/proc/cpuinfo").read_text(encoding="utf-8")
    return "" if has else "this release's code for it needs AVX-512, which this processor lacks"


PARTS: dict[str, Callable[[], Sequence[part.Question]]] = {
    "collectives": lambda: [
        (f"{dtype} as by hand", partial(collected, dtype)) for dtype in ("float32", "bfloat16", "int64")
    ],
    "deepspeed_shm_comm": lambda: [
        (f"all-reduce of {dtype} is exact", partial(shared, dtype)) for dtype in ("float32", "bfloat16")
    ],
}

if __name__ == "__main__":
    part.main(PARTS)
