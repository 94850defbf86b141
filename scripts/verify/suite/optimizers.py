"""Steps DeepSpeed's CPU optimizers and compares every parameter with the same update written out in torch.

fp32, bf16 and fp16 parameters, fp32 states, weight decay, sizes that are no multiple of any SIMD width, several steps;
with the word `optimizers-threads` one parameter that is large enough for several threads.
Only installed ops are asked; the others are reported as skipped. Usage: python optimizers.py [optimizers-threads]
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import prebuilt  # type: ignore[import-not-found,unused-ignore]

SIZES = (1, 7, 31, 257, 4099)  # the kernels take 8 to 128 values at once: tails of every kind
STEPS = 6
RATE, DECAY = 0.05, 0.1  # large enough for a forgotten decay to stand out of bf16's rounding
# (relative, absolute): the kernels keep rates and betas in fp32; in bf16 the last bit may round the other way twice,
# which is 0.004 for a value that was near 0.4 and has come to 0: seen on a GPU, whose optimizers keep bf16 states, too.
# A forgotten decay moves a value by 3 % in all, a step by 0.05.
TOLERANCES = {"float32": (1e-5, 1e-5), "bfloat16": (2**-6, 4e-3), "float16": (2**-9, 1e-3)}
# Adam and Adagrad step by the sign of what a gradient and its decay add up to. Many values of 8 or 11 bits hold 2.5 and
# -0.25: 0 where the product with 0.1 is rounded before it is added, 3.7e-9 where a fused instruction does not, and
# the step is 0 or 0.05, each rightly. No tolerance tells that from a fault, so no such gradient is asked for.
CANCELLED, INSTEAD = 0.01, 1.0
THREADED, LARGE = "optimizers-threads", (300_007,)
Tensor = Any
Update = Callable[[Tensor, Tensor, dict[str, Any]], Tensor]  # parameter and gradient in fp32, state -> new parameter


@dataclass(frozen=True)
class Case:
    """One optimizer to verify: the op it needs, how to make it, and the updates that are right for it."""

    op: str
    name: str
    make: Callable[[list[Tensor]], Any]
    updates: tuple[Update, ...]
    kinds: tuple[str, ...] = tuple(TOLERANCES)


def adam(decoupled: bool) -> Update:
    """Adam with L2 decay, or AdamW when `decoupled`; betas 0.9 and 0.999, eps 1e-8."""

    def update(value: Tensor, gradient: Tensor, state: dict[str, Any]) -> Tensor:
        gradient = gradient if decoupled else gradient + DECAY * value
        step = state["step"] = state.get("step", 0) + 1
        state["mean"] = 0.9 * state.get("mean", 0.0) + 0.1 * gradient
        state["square"] = 0.999 * state.get("square", 0.0) + 0.001 * gradient * gradient
        scale = (state["square"] / (1 - 0.999**step)).sqrt() + 1e-8
        shrunk = value * (1 - RATE * DECAY) if decoupled else value
        return shrunk - RATE * (state["mean"] / (1 - 0.9**step)) / scale

    return update


def adagrad(value: Tensor, gradient: Tensor, state: dict[str, Any]) -> Tensor:
    """Adagrad as torch.optim has it: the decayed gradient is both summed up and applied; eps 1e-10."""
    gradient = gradient + DECAY * value
    state["square"] = state.get("square", 0.0) + gradient * gradient
    return value - RATE * gradient / (state["square"].sqrt() + 1e-10)


def adagrad_before_0_19_8(value: Tensor, gradient: Tensor, state: dict[str, Any]) -> Tensor:
    """Adagrad as DeepSpeed's scalar kernel had it: the decay is summed up, but the bare gradient is applied."""
    decayed = gradient + DECAY * value
    state["square"] = state.get("square", 0.0) + decayed * decayed
    return value - RATE * gradient / (state["square"].sqrt() + 1e-10)


def lion(value: Tensor, gradient: Tensor, state: dict[str, Any]) -> Tensor:
    """Lion with decoupled decay; betas 0.9 and 0.999."""
    mean = state.get("mean", 0.0)
    direction = (0.9 * mean + 0.1 * gradient).sign()
    state["mean"] = 0.999 * mean + 0.001 * gradient
    return value * (1 - RATE * DECAY) - RATE * direction


def cases() -> list[Case]:
    """The optimizers, with DeepSpeed's own classes."""
    import deepspeed  # type: ignore[import-not-found,unused-ignore]
    from deepspeed.ops.adagrad import DeepSpeedCPUAdagrad as Adagrad  # type: ignore[import-not-found,unused-ignore]
    from deepspeed.ops.adam import DeepSpeedCPUAdam as Adam  # type: ignore[import-not-found,unused-ignore]
    from deepspeed.ops.lion import DeepSpeedCPULion as Lion  # type: ignore[import-not-found,unused-ignore]

    release = tuple(int(part) for part in re.findall(r"\d+", deepspeed.__version__)[:3])
    # until 0.19.8 the kernel's tail, and all of bf16 without AVX-512, left the decay out of what is applied
    adagrads = (adagrad, adagrad_before_0_19_8) if release < (0, 19, 8) else (adagrad,)
    shared = {"lr": RATE, "weight_decay": DECAY}
    fused = []
    if prebuilt.accelerator_name() == "cpu":  # the one for CUDA is gpu.py's; states in bf16 would round otherwise
        from deepspeed.ops.adam import FusedAdam as Fused  # type: ignore[import-not-found,unused-ignore]

        fused = [Case("fused_adam", "fused AdamW", lambda p: Fused(p, **shared), (adam(True),), ("float32",))]
    return [
        Case("cpu_adam", "CPU Adam", lambda p: Adam(p, adamw_mode=False, **shared), (adam(False),)),
        Case("cpu_adam", "CPU AdamW", lambda p: Adam(p, adamw_mode=True, **shared), (adam(True),)),
        Case("cpu_adagrad", "CPU Adagrad", lambda p: Adagrad(p, eps=1e-10, **shared), adagrads),
        Case("cpu_lion", "CPU Lion", lambda p: Lion(p, betas=(0.9, 0.999), **shared), (lion,)),
        *fused,
    ]


def verify(case: Case, kind: str, device: str = "cpu", sizes: tuple[int, ...] = SIZES) -> prebuilt.Check:
    """Whether every parameter ends at one of the right values; standing still is far from all of them."""
    import torch  # type: ignore[import-not-found,unused-ignore]

    torch.manual_seed(7)
    dtype = getattr(torch, kind)
    parameters = [torch.nn.Parameter(torch.randn(size).to(device, dtype)) for size in sizes]
    expected = [[parameter.detach().clone() for parameter in parameters] for _ in case.updates]
    optimizer = case.make(parameters)
    states: list[list[dict[str, Any]]] = [[{} for _ in sizes] for _ in case.updates]
    for _ in range(STEPS):
        gradients = [definite(torch.randn(value.shape).to(device, dtype), value) for value in expected[0]]
        for values, memory, update in zip(expected, states, case.updates):  # noqa: B905 - Python 3.9 has no strict
            for i, gradient in enumerate(gradients):
                values[i] = update(values[i].float(), gradient.float(), memory[i]).to(dtype)
        for parameter, gradient in zip(parameters, gradients):  # noqa: B905
            parameter.grad = gradient.clone()  # DeepSpeed's kernels may write into it
        optimizer.step()
    return verdict(f"{case.name} {kind}", kind, parameters, expected)


def definite(gradient: Tensor, value: Tensor) -> Tensor:
    """The gradient, with another one where the sum with its decay would be rounding errors alone."""
    cancelled = (gradient.float() + DECAY * value.float()).abs() < CANCELLED
    return gradient.masked_fill(cancelled, INSTEAD)


def verdict(name: str, kind: str, got: list[Any], expected: list[list[Any]]) -> prebuilt.Check:
    """The worst distance from the nearest right value, in units of the tolerance."""
    import torch  # type: ignore[import-not-found,unused-ignore]

    relative, absolute = TOLERANCES[kind]
    flat = torch.cat([value.detach().float() for value in got])
    rights = [torch.cat([value.float() for value in values]) for values in expected]
    distances = [(flat - right).abs() / (absolute + relative * right.abs()) for right in rights]
    worst = float(torch.stack(distances).amin(dim=0).max())
    sound = bool(torch.isfinite(flat).all()) and worst <= 1.0
    detail = f"{flat.numel()} values, {STEPS} steps: worst error {worst:.3f} of {absolute:g} + {relative:g}|x|"
    return prebuilt.check(name, sound, detail)


def run(case: Case, kind: str, installed: tuple[str, ...], sizes: tuple[int, ...] = SIZES) -> prebuilt.Check:
    """The check, or why it was skipped or broke off."""
    name = f"{case.name} {kind}" + (", several threads" if sizes == LARGE else "")
    if case.op not in installed:
        return prebuilt.check(name, None, f"{case.op} is not in this wheel")
    if case.op in prebuilt.crashing():
        return prebuilt.check(name, None, f"{case.op} has {prebuilt.crashing()[case.op]}")
    try:
        return {**verify(case, kind, sizes=sizes), "name": name}
    except Exception as error:  # noqa: BLE001 - whatever DeepSpeed raises is the answer
        return prebuilt.check(name, False, f"{type(error).__name__}: {error}")


def main() -> None:
    """Check all and print the document."""
    prebuilt.forbid_compiling()
    installed = prebuilt.installed_ops()
    sizes = LARGE if sys.argv[-1] == THREADED else SIZES
    prebuilt.emit(run(case, kind, installed, sizes) for case in cases() for kind in case.kinds)


if __name__ == "__main__":
    main()
