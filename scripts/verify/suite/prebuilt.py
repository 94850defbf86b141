"""Shared by the scripts of this directory: what the installed DeepSpeed has inside, and a ban on compiling at run time.

The scripts run inside the fresh environment, by its own python: standard library, torch and deepspeed only.
Each prints one JSON document per answer, {"check": {"name", "passed", "detail", "seconds"}}, on a line of its own, and
last of all {"checks": [...]} with all of them.
"""

from __future__ import annotations

import ctypes
import importlib.util
import json
import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

Check = dict[str, Any]
STARTED = time.monotonic()


def check(name: str, passed: bool | None, detail: str) -> Check:
    """One answer; `passed` is None for a skipped question, and `detail` is then the reason.

    What a process that meets others had to be given is told with it: rule torch-libuv.
    """
    given = os.environ.get("USE_LIBUV") if passed is not None and "RANK" in os.environ else None
    return {"name": name, "passed": passed, "detail": f"{detail}, with USE_LIBUV={given}" if given else detail}


def emit(checks: Iterable[Check]) -> None:
    """Print what the caller reads: each check when it ends, and that these were all.

    A check without seconds of its own took those since the one before, the first since this program began.
    """
    since, ended = STARTED, []
    for entry in checks:
        now = time.monotonic()
        ended.append({**entry, "seconds": entry.get("seconds", round(now - since, 3))})
        since = now
        say({"check": ended[-1]})
    say({"checks": ended})


def say(document: dict[str, Any]) -> None:
    """Print one document on a line of its own."""
    sys.stdout.flush()
    sys.stdout.write("\n" + json.dumps(document) + "\n")
    sys.stdout.flush()


def installed_ops() -> tuple[str, ...]:
    """The ops that this wheel lists as compiled into it."""
    from deepspeed.git_version_info import installed_ops as flags  # type: ignore[import-not-found,unused-ignore]

    return tuple(sorted(op for op, there in flags.items() if there))


def crashing() -> dict[str, str]:
    """The ops whose code this processor does not understand, each with the reason: nobody is to call them."""
    return dict(json.loads(os.environ.get("CRASHING_OPS", "{}")))


def accelerator_name() -> str:
    """The accelerator that is set, else the one DeepSpeed chooses: ops count as installed with the wheel's own."""
    if chosen := os.environ.get("DS_ACCELERATOR"):
        return chosen
    from deepspeed.accelerator import get_accelerator  # type: ignore[import-not-found,unused-ignore]

    return str(get_accelerator()._name)


def forbid_compiling() -> None:
    """Make any just-in-time compilation an error: DeepSpeed falls back to it silently when a prebuilt op is missing."""
    from deepspeed.ops.op_builder.builder import OpBuilder  # type: ignore[import-not-found,unused-ignore]
    from torch.utils import cpp_extension  # type: ignore[import-not-found,unused-ignore]

    def refuse(builder: Any, *args: object, **options: object) -> NoReturn:
        raise RuntimeError(f"{getattr(builder, 'name', builder)} is not prebuilt here: DeepSpeed wanted to compile it")

    OpBuilder.jit_load = refuse
    cpp_extension.load = refuse


def has_gpu() -> bool:
    """Whether torch sees a CUDA device."""
    if lacks_gpu():
        return False
    import torch  # type: ignore[import-not-found,unused-ignore]

    return bool(torch.cuda.is_available())


def lacks_gpu() -> bool:
    """Whether torch sees no CUDA device for certain, found without importing it, which takes seconds."""
    return torch_cuda() is None or not loads("nvcuda.dll" if os.name == "nt" else "libcuda.so.1")


def torch_cuda() -> Any:
    """The CUDA version that the installed torch was built for; None for a CPU build."""
    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("No module named 'torch'")
    constants: dict[str, Any] = {}
    exec((Path(spec.origin).parent / "version.py").read_text(encoding="utf-8"), constants)
    return constants["cuda"]


def loads(library: str) -> bool:
    """Whether the loader of this process finds the library."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True
