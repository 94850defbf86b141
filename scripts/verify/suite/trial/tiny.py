"""A small regression, trained by plain torch and by DeepSpeed's engine, on the same batches from the same weights."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import part  # type: ignore[import-not-found,unused-ignore]

RATE, DECAY, STEPS, BATCH = 5e-3, 0.01, 30, 64
Batches = Sequence[tuple[Any, Any]]


def model(width: int = 128, seed: int = 1) -> Any:
    """The network, with the same weights at each call."""
    import torch  # type: ignore[import-not-found,unused-ignore]

    torch.manual_seed(seed)
    wide = [torch.nn.Linear(32, width), torch.nn.GELU(), torch.nn.Linear(width, width), torch.nn.GELU()]
    return torch.nn.Sequential(*wide, torch.nn.LayerNorm(width), torch.nn.Linear(width, 8))


def batches(count: int = STEPS) -> Batches:
    """Inputs and what is wanted for them, the same at each call."""
    import torch  # type: ignore[import-not-found,unused-ignore]

    source = torch.Generator().manual_seed(2)
    slope = torch.randn(32, 8, generator=source) / 4
    inputs = [torch.randn(BATCH, 32, generator=source) for _ in range(count)]
    return [(values.to(part.device()), (values @ slope).to(part.device())) for values in inputs]


def loss(got: Any, wanted: Any) -> Any:
    """The mean square error, in fp32."""
    import torch  # type: ignore[import-not-found,unused-ignore]

    return torch.nn.functional.mse_loss(got.float(), wanted.float())


def plain(
    count: int = STEPS, accumulate: int = 1, clip: float = 0.0, scheduler: Callable[[Any], Any] | None = None
) -> tuple[list[float], Any]:
    """The losses of training by torch alone, one a step, and the trained network."""
    import torch  # type: ignore[import-not-found,unused-ignore]

    network = model().to(part.device())
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=DECAY)
    schedule = scheduler(optimizer) if scheduler else None
    losses, data = [], batches(count * accumulate)
    for step in range(count):
        values = [loss(network(x), y) for x, y in data[step * accumulate : (step + 1) * accumulate]]
        torch.stack(values).mean().backward()
        if clip:
            torch.nn.utils.clip_grad_norm_(network.parameters(), clip)
        optimizer.step()
        optimizer.zero_grad()
        if schedule:
            schedule.step()
        losses.append(float(torch.stack(values).mean().detach()))
    return losses, network


def config(stage: int, zero: dict[str, Any] | None = None, rate: float = RATE, **more: Any) -> dict[str, Any]:
    """DeepSpeed's configuration: AdamW as `plain` has it, ZeRO at `stage`, and whatever is added."""
    params = {"lr": rate, "weight_decay": DECAY}
    if part.device() == "cpu" and not (zero or {}).get("offload_optimizer"):
        params["torch_adam"] = True  # DeepSpeed has no fused Adam of its own for all of the CPU's ways
    return {
        "train_micro_batch_size_per_gpu": BATCH // part.world(),
        "steps_per_print": 1_000_000,
        "gradient_clipping": 0.0,  # 1.0 unless set, which plain torch does not do
        "optimizer": {"type": "AdamW", "params": params},
        "zero_optimization": {"stage": stage, "stage3_param_persistence_threshold": 0, **(zero or {})},
        **more,
    }


def engine(settings: dict[str, Any], network: Any = None, **more: Any) -> Any:
    """DeepSpeed's engine around the network; without one each process has its own weights and must get the first's."""
    import deepspeed  # type: ignore[import-not-found,unused-ignore]

    network = model(seed=1 + part.rank()) if network is None else network
    own = copy.deepcopy(settings)  # before 0.19.8 DeepSpeed takes torch_adam out of it
    return deepspeed.initialize(model=network, model_parameters=list(network.parameters()), config=own, **more)[0]


def dtype_of(settings: dict[str, Any]) -> Any:
    """The type that the network computes in under these settings."""
    import torch  # type: ignore[import-not-found,unused-ignore]

    return torch.bfloat16 if "bf16" in settings else torch.float16 if "fp16" in settings else torch.float32


def half() -> dict[str, Any]:
    """The settings of fp16 where the accelerator has it, else of bf16."""
    scaled = {"fp16": {"enabled": True, "initial_scale_power": 8}}
    return {"bf16": {"enabled": True}} if unsupported(scaled) else scaled


def unsupported(settings: dict[str, Any]) -> str:
    """Why the accelerator cannot compute in the type of these settings; empty when it can."""
    from deepspeed.accelerator import get_accelerator  # type: ignore[import-not-found,unused-ignore]

    lacks = "fp16" in settings and not get_accelerator().is_fp16_supported()
    return "this processor has no fp16" if lacks else ""


def steps(trained: Any, data: Batches, dtype: Any) -> list[float]:
    """The losses of training the engine, one a batch, of which each process takes its share."""
    losses = []
    for inputs, wanted in data:
        value = loss(trained(share(inputs).to(dtype)), share(wanted))
        trained.backward(value)
        trained.step()
        losses.append(part.everybodys(float(value.detach())))
    return losses


def share(batch: Any, rank: int | None = None) -> Any:
    """The rows of a batch that are this process's, or the one's of that rank."""
    return batch[part.rank() if rank is None else rank :: part.world()].contiguous()


def optimizer_name(trained: Any) -> str:
    """The class of the optimizer that works inside the engine."""
    return type(getattr(trained.optimizer, "optimizer", trained.optimizer)).__name__
