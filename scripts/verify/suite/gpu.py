"""Runs the CUDA ops on the GPU and compares what they compute with torch. Without a GPU every check is skipped.

The fused optimizers step in fp32 and bf16, over sizes beyond one block of theirs; the other ops that have a plain
counterpart in torch compute it once. Ops whose kernels make sense only within a complete layer are left to load_ops.
Usage: python gpu.py
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import optimizers  # type: ignore[import-not-found,unused-ignore]
import prebuilt  # type: ignore[import-not-found,unused-ignore]
from optimizers import DECAY, RATE, Case, Update  # type: ignore[import-not-found,unused-ignore]

NAME = "GPU kernels"
SIZES = (1, 7, 257, 70001)  # the kernels go through 65536 values at a time
Tensor = Any
Values = tuple[Tensor, Tensor, float]  # got, expected, how far they may be apart


@dataclass(frozen=True)
class Kernel:
    """One kernel of an op to check: its name, and how to compute it and what is right."""

    op: str
    name: str
    compute: Callable[[Any], Values]  # the op's module -> values


def lamb(value: Tensor, gradient: Tensor, state: dict[str, Any]) -> Tensor:
    """LAMB as DeepSpeed's kernel has it: the ratio of the norms is kept within 0.01 and 10; eps 1e-8."""
    step = state["step"] = state.get("step", 0) + 1
    state["mean"] = 0.9 * state.get("mean", 0.0) + 0.1 * gradient
    state["square"] = 0.999 * state.get("square", 0.0) + 0.001 * gradient * gradient
    direction = state["mean"] / (state["square"].sqrt() + 1e-8) + DECAY * value
    ratio = (value.norm() / direction.norm()).clamp(0.01, 10.0)
    return value - RATE * (1 - 0.999**step) ** 0.5 / (1 - 0.9**step) * ratio * direction


def kept_as(kind: str, update: Update) -> Update:
    """The update with its states rounded after each step: the kernels keep them in the type of the parameter."""
    import torch  # type: ignore[import-not-found,unused-ignore]

    def rounded(value: Tensor, gradient: Tensor, state: dict[str, Any]) -> Tensor:
        result = update(value, gradient, state)
        kept = {name: entry for name, entry in state.items() if isinstance(entry, torch.Tensor)}
        state.update({name: entry.to(getattr(torch, kind)).float() for name, entry in kept.items()})
        return result

    return rounded


def cases() -> list[tuple[Case, tuple[str, ...]]]:
    """The fused optimizers, with DeepSpeed's own classes, each with the types it takes."""
    from deepspeed.ops.adam import FusedAdam  # type: ignore[import-not-found,unused-ignore]
    from deepspeed.ops.lamb import FusedLamb  # type: ignore[import-not-found,unused-ignore]
    from deepspeed.ops.lion import FusedLion  # type: ignore[import-not-found,unused-ignore]

    shared, both = {"lr": RATE, "weight_decay": DECAY}, ("float32", "bfloat16")
    adam, adamw = (optimizers.adam(decoupled) for decoupled in (False, True))
    return [
        (Case("fused_adam", "fused Adam", lambda p: FusedAdam(p, adam_w_mode=False, **shared), (adam,)), both),
        (Case("fused_adam", "fused AdamW", lambda p: FusedAdam(p, adam_w_mode=True, **shared), (adamw,)), both),
        (Case("fused_lamb", "fused LAMB", lambda p: FusedLamb(p, **shared), (lamb,)), ("float32",)),
        (Case("fused_lion", "fused Lion", lambda p: FusedLion(p, **shared), (optimizers.lion,)), both),
    ]


# ---------------------------------------------------------------- kernels with a plain counterpart in torch


def quantized(module: Any) -> Values:
    """To 8 bits and back: no value moves by more than a step, of which 255 reach from end to end of its group."""
    import torch  # type: ignore[import-not-found,unused-ignore]

    values = torch.randn(16, 512, device="cuda", dtype=torch.float16)
    packed, scales = module.quantize(values, 16, 8, module.Symmetric)
    back = module.dequantize(packed, scales, 16, 8, module.Symmetric)
    step = values.float().abs().amax(dim=1, keepdim=True) * 2 / 255
    return back.float() / step, values.float() / step, 1.1  # the largest value may be cut by one; fp16 rounds


def gathered(module: Any) -> Values:
    """The chosen tokens of each sequence."""
    import torch  # type: ignore[import-not-found,unused-ignore]

    tokens = torch.randn(2, 64, 128, device="cuda", dtype=torch.float16)
    chosen = torch.stack([torch.randperm(64, device="cuda")[:24].sort().values for _ in range(2)])
    got = module.token_gather(tokens, chosen.to(torch.int32), True)
    return got, tokens.gather(1, chosen[..., None].expand(-1, -1, 128)), 0.0


def biased(module: Any) -> Values:
    """A bias for each channel of an image."""
    import torch  # type: ignore[import-not-found,unused-ignore]

    image = torch.randn(2, 128, 16, 16, device="cuda", dtype=torch.float16).to(memory_format=torch.channels_last)
    bias = torch.randn(128, device="cuda", dtype=torch.float16)
    return module.nhwc_bias_add(image, bias), image + bias.reshape(1, -1, 1, 1), 0.01


def layer_normed(module: Any) -> Values:
    """Layer norm of every row."""
    import torch  # type: ignore[import-not-found,unused-ignore]

    rows = torch.randn(2, 64, 512, device="cuda", dtype=torch.float16)
    weight, bias = (torch.randn(512, device="cuda", dtype=torch.float16) for _ in range(2))
    right = torch.nn.functional.layer_norm(rows.float(), (512,), weight.float(), bias.float(), 1e-5)
    return module.layer_norm(rows, weight, bias, 1e-5), right, 0.03


def rms_normed(module: Any) -> Values:
    """Every row divided by its root mean square."""
    import torch  # type: ignore[import-not-found,unused-ignore]

    rows = torch.randn(64, 512, device="cuda", dtype=torch.float16)
    weight, got = torch.randn(512, device="cuda", dtype=torch.float16), torch.empty_like(rows)
    module.rms_norm(got, rows, weight, 1e-5)
    scale = rows.float().square().mean(dim=1, keepdim=True).add(1e-5).rsqrt()
    return got, rows.float() * scale * weight.float(), 0.03


KERNELS = (
    Kernel("quantizer", "8 bits and back", quantized),
    Kernel("random_ltd", "gather tokens", gathered),
    Kernel("spatial_inference", "add a bias", biased),
    Kernel("transformer_inference", "layer norm", layer_normed),
    Kernel("inference_core_ops", "RMS norm", rms_normed),
)


def compare(kernel: Kernel) -> prebuilt.Check:
    """Whether the kernel computes what torch does."""
    import torch  # type: ignore[import-not-found,unused-ignore]
    from deepspeed.ops.op_builder.all_ops import ALL_OPS  # type: ignore[import-not-found,unused-ignore]

    torch.manual_seed(7)
    got, expected, tolerance = kernel.compute(ALL_OPS[kernel.op].load())
    torch.cuda.synchronize()
    worst = float((got.float() - expected.float()).abs().max())
    sound = bool(torch.isfinite(got.float()).all()) and got.shape == expected.shape and worst <= tolerance
    detail = f"{got.numel()} values: worst error {worst:.4g}, may be {tolerance:g}"
    return prebuilt.check(f"{kernel.op}: {kernel.name}", sound, detail)


# ---------------------------------------------------------------- all of them


def questions() -> list[tuple[str, str, Callable[[], prebuilt.Check]]]:
    """For every check: its op, its name, and how to answer it."""

    def stepped(case: Case, kind: str) -> Callable[[], prebuilt.Check]:
        kept = replace(case, updates=tuple(kept_as(kind, update) for update in case.updates))
        return lambda: optimizers.verify(kept, kind, "cuda", SIZES)

    def computed(kernel: Kernel) -> Callable[[], prebuilt.Check]:
        return lambda: compare(kernel)

    steps = [(case.op, f"{case.name} {kind}", stepped(case, kind)) for case, kinds in cases() for kind in kinds]
    return [*steps, *((kernel.op, f"{kernel.op}: {kernel.name}", computed(kernel)) for kernel in KERNELS)]


def answer(op: str, name: str, ask: Callable[[], prebuilt.Check], installed: tuple[str, ...]) -> prebuilt.Check:
    """The check, or why it was skipped or broke off."""
    if op not in installed:
        return prebuilt.check(name, None, f"{op} is not in this wheel")
    try:
        return ask()
    except Exception as error:  # noqa: BLE001 - whatever DeepSpeed raises is the answer
        return prebuilt.check(name, False, f"{type(error).__name__}: {error}")


def main() -> None:
    """Ask all and print the document."""
    if prebuilt.accelerator_name() != "cuda":
        prebuilt.emit([prebuilt.check(NAME, None, "a wheel for CPU has none")])
        return
    if not prebuilt.has_gpu():
        prebuilt.emit([prebuilt.check(NAME, None, "they need a GPU, and there is none here")])
        return
    prebuilt.forbid_compiling()
    installed = prebuilt.installed_ops()
    prebuilt.emit(answer(op, name, ask, installed) for op, name, ask in questions())


if __name__ == "__main__":
    main()
