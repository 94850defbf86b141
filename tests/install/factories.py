"""Environments, each with what a test is about and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scripts.graphics import Gpu, Graphics
from scripts.install.environment import Environment, Torch
from scripts.install.machine import Machine

TORCH = Torch(version="2.6.0+cu124", installed="2.6.0+cu124", variant="cu124")
RTX_3090 = Gpu(name="RTX 3090", capability="8.6")


def make_torch(version: str) -> Torch:
    return Torch(version=version, installed=version, variant=version.partition("+")[2] or "cpu")


def make_machine(*capabilities: str, driver: str | None = "12.8", flags: tuple[str, ...] = ("avx2",)) -> Machine:
    gpus = tuple(Gpu(name=f"GPU {capability}", capability=capability) for capability in capabilities)
    return Machine(graphics=Graphics(gpus=gpus, driver_cuda=driver), cpu_flags=frozenset(flags))


def make_environment(**changes: Any) -> Environment:  # noqa: ANN401  any field
    """A Windows machine with an RTX 3090 and torch 2.6 for CUDA 12.4, but for the changes."""
    fields: dict[str, Any] = {
        "python": Path("python.exe"),
        "implementation": "cpython",
        "version": "3.11",
        "platform": "win_amd64",
        "torch": TORCH,
        "deepspeed": None,
        "has_pip": True,
        "machine": make_machine("8.6"),
    }
    return Environment(**{**fields, **changes})
