"""Trains a small model through `deepspeed.initialize`: one process, no launcher, ZeRO stage 1, the loss must fall.

With cpu_adam in the wheel the optimizer states are offloaded to DeepSpeedCPUAdam, with fused_adam and a GPU they stay
there for FusedAdam; without either torch's AdamW is used.
Usage: python train.py
"""

from __future__ import annotations

import os
import socket
from typing import Any

import prebuilt  # type: ignore[import-not-found,unused-ignore]

NAME = "training"
CLASSES = {"cpu_adam": "DeepSpeedCPUAdam", "fused_adam": "FusedAdam", "torch": "AdamW"}
STEPS, FACTOR = 60, 20.0  # the loss starts near 5 and ends below 0.01 on every release tried


def pretend_launcher() -> None:
    """Set the variables a launcher would set for a single process, unless one has set them."""
    if "RANK" in os.environ:
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    os.environ.update(RANK="0", LOCAL_RANK="0", WORLD_SIZE="1", MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    if os.name == "nt":
        os.environ.setdefault("USE_LIBUV", "0")  # torch 2.4 and later for Windows come without libuv


def forget_missing_ops(installed: tuple[str, ...]) -> None:
    """Call every op that is not in the wheel incompatible: a CPU run would compile deepspeed_shm_comm otherwise."""
    import deepspeed.ops  # type: ignore[import-not-found,unused-ignore]

    for op in deepspeed.ops.__compatible_ops__:
        deepspeed.ops.__compatible_ops__[op] = op in installed


def ways(installed: tuple[str, ...], accelerator: str) -> list[str]:
    """The optimizers to train with: those of the wheel's ops that this processor understands, else torch's."""
    possible = ["cpu_adam", *(["fused_adam"] if accelerator == "cuda" else [])]
    return [op for op in possible if op in installed and op not in prebuilt.crashing()] or ["torch"]


def make_engine(model: Any, way: str) -> Any:
    """DeepSpeed's engine around the model."""
    import deepspeed  # type: ignore[import-not-found,unused-ignore]
    import torch  # type: ignore[import-not-found,unused-ignore]

    config: dict[str, Any] = {"train_micro_batch_size_per_gpu": 64, "zero_optimization": {"stage": 1}}
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01) if way == "torch" else None
    if way == "cpu_adam":
        config["zero_optimization"]["offload_optimizer"] = {"device": "cpu"}
    if way != "torch":
        config["optimizer"] = {"type": "AdamW", "params": {"lr": 0.01}}
    if os.name == "nt":
        deepspeed.init_distributed(dist_backend="gloo")  # NCCL does not exist there
    return deepspeed.initialize(
        model=model, optimizer=optimizer, model_parameters=list(model.parameters()), config=config
    )[0]


def train(way: str) -> tuple[list[float], str]:
    """The loss of every step, and the class of the optimizer that worked."""
    import torch  # type: ignore[import-not-found,unused-ignore]

    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(16, 33), torch.nn.Tanh(), torch.nn.Linear(33, 1))
    engine = make_engine(model, way)
    inputs = torch.randn(64, 16).to(engine.device)
    wanted = 2 * inputs[:, :1] - inputs[:, 1:2]
    losses = []
    for _ in range(STEPS):
        loss = torch.nn.functional.mse_loss(engine(inputs), wanted)
        engine.backward(loss)
        engine.step()
        losses.append(float(loss.detach()))
    return losses, type(getattr(engine.optimizer, "optimizer", engine.optimizer)).__name__


def verify(way: str) -> prebuilt.Check:
    """Whether the loss fell by the factor, with the optimizer that was asked for."""
    name = f"{NAME} with {CLASSES[way]}"
    try:
        losses, optimizer = train(way)
    except Exception as error:  # noqa: BLE001 - whatever DeepSpeed raises is the answer
        return prebuilt.check(name, False, f"{type(error).__name__}: {error}")
    fell = losses[-1] * FACTOR < losses[0]  # False for nan, too
    losses_text = f"loss {losses[0]:.3f} -> {losses[-1]:.4f}"
    detail = f"{optimizer}, ZeRO 1: {losses_text} in {STEPS} steps, must fall {FACTOR:g}-fold"
    return prebuilt.check(name, fell and optimizer == CLASSES[way], detail)


def main() -> None:
    """Train, or skip it with the reason, and print the document."""
    accelerator = prebuilt.accelerator_name()
    if accelerator != "cpu" and not prebuilt.has_gpu():
        prebuilt.emit([prebuilt.check(NAME, None, f"training on {accelerator} needs a GPU, and there is none here")])
        return
    prebuilt.forbid_compiling()
    pretend_launcher()
    installed = prebuilt.installed_ops()
    forget_missing_ops(installed)
    prebuilt.emit(verify(way) for way in ways(installed, accelerator))


if __name__ == "__main__":
    main()
