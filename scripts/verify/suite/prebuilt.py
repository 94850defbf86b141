"""Shared by the scripts of this directory: what the installed DeepSpeed has inside, and a ban on compiling at run time.

The scripts run inside the fresh environment, by its own python: standard library, torch and deepspeed only.
Each prints one JSON document, {"checks": [{"name", "passed", "detail"}, ...]}, on a line of its own, last of all.
"""

from __future__ import annotations

import ctypes
import importlib.util
import json
import os
import sys
from pathlib import Path
from typing import Any, NoReturn

Check = dict[str, Any]


def check(name: str, passed: bool | None, detail: str) -> Check:
    """One answer; `passed` is None for a skipped question, and `detail` is then the reason."""
    return {"name": name, "passed": passed, "detail": detail}


def emit(checks: list[Check]) -> None:
    """Print the document that the caller reads."""
    sys.stdout.flush()
    sys.stdout.write("\n" + json.dumps({"checks": checks}) + "\n")
    sys.stdout.flush()


def installed_ops() -> tuple[str, ...]:
    """The ops that this wheel lists as compiled into it."""
    from deepspeed.git_version_info import installed_ops as flags  # type: ignore[import-not-found,unused-ignore]

    return tuple(sorted(op for op, there in flags.items() if there))


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
