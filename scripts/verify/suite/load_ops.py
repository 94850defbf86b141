"""Loads every installed op through DeepSpeed's own builder; a missing one fails, it is never compiled.

Usage: python load_ops.py
"""

from __future__ import annotations

from pathlib import Path

import prebuilt  # type: ignore[import-not-found,unused-ignore]

DRIVER_LIBRARIES = ("libcuda.so.1", "nvcuda.dll")  # they come with a GPU driver, never with torch


def load(op: str) -> prebuilt.Check:
    """Whether the op's module loads, and the file that it came from."""
    import deepspeed  # type: ignore[import-not-found,unused-ignore]
    from deepspeed.ops.op_builder.all_ops import ALL_OPS  # type: ignore[import-not-found,unused-ignore]

    name = f"load {op}"
    if op not in ALL_OPS:
        return prebuilt.check(name, False, f"DeepSpeed has no builder {op!r} for {prebuilt.accelerator_name()}")
    try:
        module = ALL_OPS[op].load()
    except Exception as error:  # noqa: BLE001 - whatever a builder raises is the answer
        if not prebuilt.has_gpu() and any(library in str(error) for library in DRIVER_LIBRARIES):
            return prebuilt.check(name, None, f"needs the GPU driver, and there is none here: {error}")
        return prebuilt.check(name, False, f"{type(error).__name__}: {error}")
    package, file = Path(deepspeed.__file__).resolve().parent, Path(module.__file__).resolve()
    inside = package in file.parents
    return prebuilt.check(name, inside, file.relative_to(package).as_posix() if inside else f"came from {file}")


def main() -> None:
    """Load all and print the document."""
    prebuilt.forbid_compiling()
    checks = [load(op) for op in prebuilt.installed_ops()]
    prebuilt.emit(checks or [prebuilt.check("load ops", None, "no op is installed: a pure wheel")])


if __name__ == "__main__":
    main()
