"""Shared by the scripts of this folder: what the installed DeepSpeed has inside, and a ban on compiling at run time.

The scripts run inside the fresh environment, by its own python: standard library, torch and deepspeed only.
Each prints one JSON document, {"checks": [{"name", "passed", "detail"}, ...]}, on a line of its own, last of all.
"""

from __future__ import annotations

import json
import sys
from typing import Any, NoReturn

Check = dict[str, Any]


def check(name: str, passed: bool | None, detail: str) -> Check:
    """One answer; `passed` is None for a skipped question, and `detail` then says why."""
    return {"name": name, "passed": passed, "detail": detail}


def emit(checks: list[Check]) -> None:
    """Print the document that the caller reads."""
    sys.stdout.flush()
    sys.stdout.write("\n" + json.dumps({"checks": checks}) + "\n")
    sys.stdout.flush()


def installed_ops() -> tuple[str, ...]:
    """The ops that this wheel says were compiled into it."""
    from deepspeed.git_version_info import installed_ops as flags  # type: ignore[import-not-found,unused-ignore]

    return tuple(sorted(op for op, there in flags.items() if there))


def accelerator_name() -> str:
    """The accelerator DeepSpeed chose here: it must be the wheel's own for any op to count as installed."""
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
    import torch  # type: ignore[import-not-found,unused-ignore]

    return bool(torch.cuda.is_available())
