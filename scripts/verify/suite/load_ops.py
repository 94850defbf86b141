"""Loads every installed op through DeepSpeed's own builder; a missing one fails, it is never compiled.

Usage: python load_ops.py
"""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import Any

import missing  # type: ignore[import-not-found,unused-ignore]
import prebuilt  # type: ignore[import-not-found,unused-ignore]

DRIVER_LIBRARIES = ("libcuda.so.1", "nvcuda.dll")  # they come with a GPU driver, never with torch
NOT_FOUND = ("DLL load failed", "cannot open shared object file")


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
        detail = explain(error, ALL_OPS[op])
        if not prebuilt.has_gpu() and any(library in detail for library in DRIVER_LIBRARIES):
            return prebuilt.check(name, None, f"needs the GPU driver, and there is none here: {detail}")
        if wrong_torch() and is_missing_library(error):
            return prebuilt.check(name, None, f"not the wheel's fault: {detail}")
        return prebuilt.check(name, False, detail)
    package, file = Path(deepspeed.__file__).resolve().parent, Path(module.__file__).resolve()
    inside = package in file.parents
    return prebuilt.check(name, inside, file.relative_to(package).as_posix() if inside else f"came from {file}")


def explain(error: Exception, builder: Any) -> str:
    """What was raised; for a library that is not there, which one, and whether torch is the right one."""
    text = f"{type(error).__name__}: {error}"
    if not is_missing_library(error):
        return text
    file = module_file(builder) if os.name == "nt" else None  # elsewhere the loader names the library by itself
    lacking = missing.missing_libraries(file, missing.loader_directories(), prebuilt.loads) if file else []
    words = [f"{', '.join(lacking)} cannot be found"] if lacking else []
    return "; ".join([*words, *wrong_torch(), text])


def is_missing_library(error: Exception) -> bool:
    """Whether the loader did not find what the module needs."""
    return any(words in str(error) for words in NOT_FOUND)


def wrong_torch() -> list[str]:
    """That this torch is for CPU and the wheel for CUDA: by far the most frequent reason."""
    import torch  # type: ignore[import-not-found,unused-ignore]

    wrong = prebuilt.accelerator_name() == "cuda" and torch.version.cuda is None
    return [f"torch {torch.__version__} here is for CPU, and the wheel needs torch for CUDA"] if wrong else []


def module_file(builder: Any) -> Path | None:
    """The file of the builder's module, found without loading it."""
    try:
        spec = importlib.util.find_spec(builder.absolute_name())
    except (ImportError, ValueError, AttributeError):
        return None
    return Path(spec.origin) if spec and spec.origin else None


def main() -> None:
    """Load all and print the document."""
    prebuilt.forbid_compiling()
    checks = (load(op) for op in prebuilt.installed_ops())
    none = [prebuilt.check("load ops", None, "no op is installed: a pure wheel")]
    prebuilt.emit(checks if prebuilt.installed_ops() else none)


if __name__ == "__main__":
    main()
