"""The engine's other parts: accumulation, clipping, schedules, loss scaling, pipeline, checkpointing, MoE and more.

Usage: python engine.py PART
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import part  # type: ignore[import-not-found,unused-ignore]
import tiny  # type: ignore[import-not-found,unused-ignore]

MICRO = 4
CLIP = 0.5


def halving(optimizer: Any) -> Any:
    """A schedule that halves the rate every ten steps."""
    import torch  # type: ignore[import-not-found,unused-ignore]

    return torch.optim.lr_scheduler.StepLR(optimizer, 10, 0.5)


def accumulated() -> part.Verdict:
    """Whether accumulating gradients, clipping them and scheduling the rate give torch's losses."""
    right, _ = tiny.plain(accumulate=MICRO, clip=CLIP, scheduler=halving)
    settings = tiny.config(1, gradient_accumulation_steps=MICRO, gradient_clipping=CLIP)
    trained = tiny.engine(settings, lr_scheduler=halving)
    losses = tiny.steps(trained, tiny.batches(tiny.STEPS * MICRO), tiny.dtype_of(settings))
    got = [sum(losses[i : i + MICRO]) / MICRO for i in range(0, len(losses), MICRO)]
    return part.same_losses(got, right)


def overflow() -> part.Verdict:
    """Whether a step whose gradients overflow in fp16 is left out, and the scale halved."""
    settings = tiny.config(1, fp16={"enabled": True, "initial_scale_power": 16, "hysteresis": 1})
    if reason := tiny.unsupported(settings):
        return None, reason
    trained = tiny.engine(settings)
    before = [value.detach().clone() for value in trained.module.parameters()]
    inputs, wanted = tiny.batches(1)[0]
    scale = trained.optimizer.cur_scale
    trained.backward(tiny.loss(trained(inputs.half()), wanted) * float("inf"))
    trained.step()
    still = all(bool((old == new).all()) for old, new in zip(before, trained.module.parameters(), strict=True))
    after = trained.optimizer.cur_scale
    return (
        still and trained.skipped_steps == 1 and after < scale,
        f"scale {scale:g} -> {after:g}, weights kept: {still}",
    )


def pipelined(clip: float) -> part.Verdict:
    """Whether the pipeline engine's losses are torch's, with a stage for each process."""
    import deepspeed  # type: ignore[import-not-found,unused-ignore]
    from deepspeed.pipe import PipelineModule  # type: ignore[import-not-found,unused-ignore]

    right, _ = tiny.plain(accumulate=MICRO, clip=clip)  # by the norm of all stages
    deepspeed.init_distributed()
    settings = tiny.config(1, gradient_accumulation_steps=MICRO, gradient_clipping=clip)
    layers = list(tiny.model())
    settings["train_micro_batch_size_per_gpu"] = tiny.BATCH  # the stages see the same rows
    network = PipelineModule(layers=layers, num_stages=part.world(), loss_fn=tiny.loss, partition_method="uniform")
    trained = tiny.engine(settings, network)
    data = iter(tiny.batches(tiny.STEPS * MICRO))
    return part.same_losses([float(trained.train_batch(data_iter=data)) for _ in range(tiny.STEPS)], right)


# ---------------------------------------------------------------- activation checkpointing


def deep(width: int) -> Any:
    """Layers with dropout: recomputing them right needs the same random numbers again."""
    import torch  # type: ignore[import-not-found,unused-ignore]

    torch.manual_seed(3)
    layers = [
        torch.nn.Sequential(torch.nn.Linear(width, width), torch.nn.GELU(), torch.nn.Dropout(0.2)) for _ in range(8)
    ]
    return torch.nn.ModuleList(layers).to(part.device())


def gradients(layers: Any, through: Callable[[Any, Any], Any]) -> tuple[dict[str, Any], int]:
    """The gradients when each layer is called as `through` does, and the most bytes that this took on the GPU."""
    import torch  # type: ignore[import-not-found,unused-ignore]

    torch.manual_seed(4)
    gpu = part.device() != "cpu"
    if gpu:
        torch.cuda.reset_peak_memory_stats()
    start = torch.cuda.memory_allocated() if gpu else 0
    values = torch.randn(1024, layers[0][0].in_features, device=part.device(), requires_grad=True)
    for layer in layers:
        values = through(layer, values)
    values.square().mean().backward()
    found = {name: value.grad.clone() for name, value in layers.named_parameters()}
    layers.zero_grad()
    return found, (torch.cuda.max_memory_allocated() - start) if gpu else 0


def checkpointed(in_cpu: bool) -> part.Verdict:
    """Whether activations that are thrown away, or moved to the CPU's memory, and made anew give the same gradients."""
    import deepspeed  # type: ignore[import-not-found,unused-ignore]

    deepspeed.init_distributed()
    deepspeed.checkpointing.configure(None, partition_activations=False, checkpoint_in_cpu=in_cpu)
    layers = deep(512)
    right, whole = gradients(layers, lambda layer, values: layer(values))
    got, saved = gradients(layers, deepspeed.checkpointing.checkpoint)
    passed, detail = part.near({name: (got[name], right[name]) for name in right}, 1e-5)
    less = saved < whole or part.device() == "cpu"
    return passed and less, f"{detail}; peak {saved / 2**20:.1f} MiB instead of {whole / 2**20:.1f} MiB"


# ---------------------------------------------------------------- mixture of experts, communication, and so on


def experts() -> part.Verdict:
    """Whether a layer of four experts computes what picking one for each token by hand does."""
    import deepspeed  # type: ignore[import-not-found,unused-ignore]
    import torch  # type: ignore[import-not-found,unused-ignore]
    from deepspeed.moe.layer import MoE  # type: ignore[import-not-found,unused-ignore]

    deepspeed.init_distributed()
    torch.manual_seed(5)
    layer = MoE(64, torch.nn.Linear(64, 64), num_experts=4, k=1, drop_tokens=False).to(part.device())
    layer.set_deepspeed_parallelism()
    layer.eval()
    tokens = torch.randn(4, 32, 64, device=part.device())
    got = layer(tokens)[0]
    odds = layer.deepspeed_moe.gate.wg(tokens.reshape(-1, 64)).softmax(dim=-1)
    best = odds.max(dim=-1)
    every = torch.stack([expert(tokens.reshape(-1, 64)) for expert in layer.deepspeed_moe.experts.deepspeed_experts])
    right = every[best.indices, torch.arange(len(best.indices), device=part.device())] * best.values[:, None]
    return part.near({"output": (got.reshape(-1, 64), right)}, 1e-4)


def communicated() -> part.Verdict:
    """Whether the collectives work through NCCL, in a group of one."""
    import deepspeed.comm as dist  # type: ignore[import-not-found,unused-ignore]
    import torch  # type: ignore[import-not-found,unused-ignore]

    dist.init_distributed()
    wrong = []
    for dtype in (torch.float32, torch.bfloat16, torch.int64):
        values = torch.arange(1000, device=part.device()).to(dtype)
        for name, got in collectives(dist, values).items():
            wrong += [] if bool((got == values).all()) else [f"{name} of {dtype}"]
    return not wrong, f"backend {torch.distributed.get_backend()}; wrong: {', '.join(wrong) or 'none'}"


def collectives(dist: Any, values: Any) -> dict[str, Any]:
    """What each collective makes of the values, alone in its group."""
    import torch  # type: ignore[import-not-found,unused-ignore]

    summed, sent, gathered, scattered, swapped = values.clone(), values.clone(), *(values * 0 for _ in range(3))
    dist.all_reduce(summed)
    dist.broadcast(sent, 0)
    dist.all_gather_into_tensor(gathered, values)
    dist.reduce_scatter_tensor(scattered, values)
    dist.all_to_all_single(swapped, values)
    dist.barrier()
    torch.cuda.synchronize() if values.is_cuda else None
    return {
        "all_reduce": summed,
        "broadcast": sent,
        "all_gather": gathered,
        "reduce_scatter": scattered,
        "all_to_all": swapped,
    }


def compiled() -> part.Verdict:
    """Whether torch.compile inside the engine (ZeRO 1) leaves the losses as they are."""
    right, _ = tiny.plain()
    settings = tiny.config(1)
    trained = tiny.engine(settings)
    trained.compile()
    return part.same_losses(tiny.steps(trained, tiny.batches(), tiny.dtype_of(settings)), right)


def profiled() -> part.Verdict:
    """Whether the profiler counts the multiplications of the network's matrices."""
    import torch  # type: ignore[import-not-found,unused-ignore]
    from deepspeed.profiling.flops_profiler import get_model_profile  # type: ignore[import-not-found,unused-ignore]

    network = tiny.model().to(part.device())
    _, got, _ = get_model_profile(network, input_shape=(8, 32), print_profile=False, as_string=False)
    linear = [module for module in network if isinstance(module, torch.nn.Linear)]
    right = 8 * sum(layer.in_features * layer.out_features for layer in linear)
    return got == right, f"{got} multiplications counted, {right} made"


def optimized(kind: str, name: str) -> part.Verdict:
    """Whether the loss falls with DeepSpeed's own optimizer of this kind."""
    settings = tiny.config(0)
    params = {"Lamb": {"lr": 0.02}, "Lion": {"lr": 2e-3}}.get(kind, {"lr": tiny.RATE})
    settings["optimizer"] = {"type": kind, "params": params}
    trained = tiny.engine(settings)
    passed, detail = part.falls(tiny.steps(trained, tiny.batches(), tiny.dtype_of(settings)), 2)
    used = tiny.optimizer_name(trained)
    return passed and used == name, f"{used}: {detail}"


def repeated() -> part.Verdict:
    """Whether a copy of a trained engine's network computes what the engine does."""
    settings = tiny.config(0)
    trained = tiny.engine(settings)
    tiny.steps(trained, tiny.batches(3), tiny.dtype_of(settings))
    inputs = tiny.batches(1)[0][0]
    return part.near({"output": (trained(inputs), copy.deepcopy(trained.module)(inputs))}, 0.0)


PARTS: dict[str, Callable[[], Sequence[part.Question]]] = {
    "engine": lambda: [
        ("accumulation, clipping and schedule as torch", accumulated),
        ("fp16 overflow leaves the step out", overflow),
        ("a copy of the network computes the same", repeated),
    ],
    "fused-optimizers": lambda: [
        (f"ZeRO 0 with {kind}", partial(optimized, kind, f"Fused{kind}")) for kind in ("Adam", "Lamb", "Lion")
    ],
    "pipeline": lambda: [("one stage as torch", partial(pipelined, 0.0))],
    "pipeline-stages": lambda: [("two stages as torch", partial(pipelined, 0.0))],
    "pipeline-clipping": lambda: [("clipped by the norm of all stages", partial(pipelined, CLIP))],
    "activation-checkpointing": lambda: [("gradients as without", lambda: checkpointed(False))],
    "activation-checkpointing-cpu": lambda: [("gradients as without", lambda: checkpointed(True))],
    "mixture-of-experts": lambda: [("forward as by hand", experts)],
    "communication": lambda: [("collectives of one process", communicated)],
    "torch-compile": lambda: [("losses as torch", compiled)],
    "flops-profiler": lambda: [("counts multiplications", profiled)],
}

if __name__ == "__main__":
    part.main(PARTS)
