"""Prints what the trial runs on, as one JSON document: the card, its driver, torch, DeepSpeed, its ops, other packages.

Usage: python machine_facts.py
"""

from __future__ import annotations

import json
import platform
import shutil
import sys
from importlib import metadata
from typing import Any

import prebuilt  # type: ignore[import-not-found,unused-ignore]
import rank_processes  # type: ignore[import-not-found,unused-ignore]

PACKAGES = ("transformers", "peft", "accelerate", "pytorch-lightning", "triton", "numpy")


def card() -> dict[str, str]:
    """Name, memory and architecture of the first GPU; empty where there is none."""
    import torch  # type: ignore[import-not-found,unused-ignore]

    if not prebuilt.has_gpu():
        return {}
    seen = torch.cuda.get_device_properties(0)
    return {
        "name": seen.name,
        "architecture": f"{seen.major}.{seen.minor}",
        "memory": f"{seen.total_memory / 2**30:.0f} GiB",
        "driver": driver(),
    }


def driver() -> str:
    """The version of the GPU's driver, as nvidia-smi tells it."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return "unknown"
    words = [program, "--query-gpu=driver_version", "--format=csv,noheader"]
    code, output = rank_processes.ended(words, 30)
    return "unknown" if code else (output.split() or ["unknown"])[0]


def version(package: str) -> str:
    """The package's version; empty when it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def main() -> None:
    """Gather and print."""
    import deepspeed  # type: ignore[import-not-found,unused-ignore]
    import torch  # type: ignore[import-not-found,unused-ignore]
    from deepspeed.ops.op_builder.all_ops import ALL_OPS  # type: ignore[import-not-found,unused-ignore]

    installed = prebuilt.installed_ops()
    facts: dict[str, Any] = {
        "card": card(),
        "accelerator": prebuilt.accelerator_name(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "cuda": torch.version.cuda or "",
        "deepspeed": deepspeed.__version__,
        "packages": {name: version(name) for name in PACKAGES if version(name)},
        "ops": list(installed),
        "other_ops": sorted(set(ALL_OPS) - set(installed)),
    }
    sys.stdout.write("\n" + json.dumps({"facts": facts}) + "\n")


if __name__ == "__main__":
    main()
