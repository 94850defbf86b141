"""ZeRO, stage by stage, alone and with optimizer states and parameters offloaded to CPU and NVMe.

In fp32 each step's loss and the final weights must be torch's; in bf16 and fp16 the loss must fall.
Usage: python zero.py PART
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import part  # type: ignore[import-not-found,unused-ignore]
import tiny  # type: ignore[import-not-found,unused-ignore]

CPU = {"device": "cpu", "pin_memory": True}
CLIP = 0.5


def as_torch(settings: dict[str, Any], optimizer: str) -> part.Verdict:
    """Whether each loss and the final weights are torch's, by the optimizer that was expected.

    Gradients are clipped: Adam does not see their size, and would learn as well from those that nobody averaged.
    """
    right, network = tiny.plain(clip=CLIP)
    trained = tiny.engine({**settings, "gradient_clipping": CLIP})
    passed, detail = part.same_losses(tiny.steps(trained, tiny.batches(), tiny.dtype_of(settings)), right)
    close, distance = part.near(weights(trained, network), 1e-2)
    used = tiny.optimizer_name(trained)
    return passed and close and used == optimizer, f"{used}: {detail}; weights: {distance}"


def weights(trained: Any, network: Any) -> dict[str, tuple[Any, Any]]:
    """Each weight of the engine, gathered where ZeRO has parted it, beside torch's."""
    import deepspeed  # type: ignore[import-not-found,unused-ignore]

    pairs = {}
    right = dict(network.named_parameters())
    for name, value in trained.module.named_parameters():
        with deepspeed.zero.GatheredParameters([value], enabled=hasattr(value, "ds_id")):
            pairs[name] = (value.detach().float().clone(), right[name].detach())
    return pairs


def learns(settings: dict[str, Any]) -> part.Verdict:
    """Whether the loss falls in half precision."""
    if reason := tiny.unsupported(settings):
        return None, reason
    trained = tiny.engine(settings)
    passed, detail = part.falls(tiny.steps(trained, tiny.batches(), tiny.dtype_of(settings)), 4)
    return passed, f"{tiny.optimizer_name(trained)}: {detail}"


def overflowed(settings: dict[str, Any]) -> part.Verdict:
    """Whether a gradient that overflows in what one process steps leaves the step out for all."""
    network = tiny.model()
    network[-1].bias.register_hook(lambda gradient: gradient * float("inf"))  # the last values are the last process's
    trained = tiny.engine(settings, network)
    if "bf16" in settings and not looks_for_overflows(trained):
        return None, "this release does not look for overflows in bf16"
    before = {name: value.clone() for name, (value, _) in weights(trained, network).items()}
    inputs, wanted = tiny.batches(1)[0]
    trained.backward(tiny.loss(trained(tiny.share(inputs).to(tiny.dtype_of(settings))), tiny.share(wanted)))
    trained.step()
    after = {name: value for name, (value, _) in weights(trained, network).items()}
    moved = [name for name, value in after.items() if not bool((value == before[name]).all())]
    detail = f"{trained.skipped_steps} step left out; moved: {', '.join(moved) or 'none'}"
    return not moved and trained.skipped_steps == 1, detail


def looks_for_overflows(trained: Any) -> bool:
    """Whether the release looks for them in bf16, as it does in fp16; its configuration says so since it can."""
    return bool(getattr(getattr(trained._config, "bfloat16_config", None), "check_grad_overflow", False))


def parted() -> part.Verdict:
    """Whether stage 3 leaves nothing of a parameter in place outside of its use."""
    trained = tiny.engine(tiny.config(3))
    tiny.steps(trained, tiny.batches(2), tiny.dtype_of({}))
    whole = [name for name, value in trained.module.named_parameters() if value.numel()]
    return not whole, f"whole outside of their use: {', '.join(whole) or 'none'}"


def stage(number: int, optimizer: str = "FusedAdam", **zero: Any) -> Sequence[part.Question]:
    """The questions about one stage; `zero` are its further settings."""
    name = optimizer if part.device() != "cpu" or optimizer != "FusedAdam" else "AdamW"
    half = {"bf16": {"enabled": True}}
    scaled = {"fp16": {"enabled": True, "initial_scale_power": 8}}
    asked = [
        ("fp32 as torch", partial(as_torch, tiny.config(number, zero), name)),
        ("bf16 learns", partial(learns, tiny.config(number, zero, **half))),
        ("fp16 learns", partial(learns, tiny.config(number, zero, **scaled))),
    ]
    if number:
        asked.append(
            ("an overflow of one is everybody's", partial(overflowed, tiny.config(number, zero, **tiny.half())))
        )
    return [*asked, ("parameters are parted", parted)] if number == 3 and not zero else asked


def offloaded(number: int) -> Sequence[part.Question]:
    """The questions about optimizer states, and with stage 3 parameters, in the CPU's memory."""
    more = {"offload_param": CPU} if number == 3 else {}
    return stage(number, "DeepSpeedCPUAdam", offload_optimizer=CPU, **more)


def on_disk(what: Sequence[str]) -> part.Verdict:
    """Whether each loss with `what` kept in files is that with it kept in memory, and the files are there."""
    if reason := part.lacking("async_io"):
        return None, reason
    part.make_pinned()
    with tempfile.TemporaryDirectory(dir=os.getcwd(), ignore_cleanup_errors=True) as folder:  # noqa: PTH109
        kept = {"device": "nvme", "nvme_path": folder, "buffer_count": 5, "pin_memory": True}
        sizes = {"offload_param": {"buffer_size": 2_000_000, "max_in_cpu": 0}}
        zero = {name: {**kept, **sizes.get(name, {})} for name in what}
        got, used = wide_losses(zero)
        right, _ = wide_losses(dict.fromkeys(what, CPU))
        passed, detail = part.same_losses(got, right, fall=4.0, of="in memory")
        size = sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file())
    return passed and size > 0, f"{used}: {detail}; {size} bytes in files"


def wide_losses(zero: dict[str, Any]) -> tuple[list[float], str]:
    """The losses of a network so wide that ZeRO moves its tensors, none below 1 MiB, to files; and the optimizer."""
    settings = tiny.config(3, zero, rate=1e-3, **tiny.half())
    trained = tiny.engine(settings, tiny.model(1024))
    return tiny.steps(trained, tiny.batches(), tiny.dtype_of(settings)), tiny.optimizer_name(trained)


def quantized() -> part.Verdict:
    """Whether the loss falls while weights are gathered in 8 bits (ZeRO++)."""
    settings = tiny.config(3, {"zero_quantized_weights": True}, bf16={"enabled": True})
    return part.falls(tiny.steps(tiny.engine(settings), tiny.batches(), tiny.dtype_of(settings)), 4)


PARTS = {
    "zero-0": lambda: stage(0),
    "zero-1": lambda: stage(1),
    "zero-2": lambda: stage(2),
    "zero-3": lambda: stage(3),
    "zero-1-cpu": lambda: offloaded(1),
    "zero-2-cpu": lambda: offloaded(2),
    "zero-3-cpu": lambda: offloaded(3),
    "zero-3-nvme": lambda: [
        ("optimizer states in files", partial(on_disk, ["offload_optimizer"])),
        ("parameters in files, too", partial(on_disk, ["offload_optimizer", "offload_param"])),
    ],
    "zero-quantized-weights": lambda: [("bf16 learns", quantized)],
}

if __name__ == "__main__":
    part.main(PARTS)
