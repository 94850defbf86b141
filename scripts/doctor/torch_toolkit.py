"""Which CUDA toolkit torch takes when it is imported, which DeepSpeed's probe starts nvcc of."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

WINDOWS_DEFAULT = Path("C:/Program Files/NVIDIA GPU Computing Toolkit/CUDA")  # whatever the system calls its folders
UNIX_DEFAULT = Path("/usr/local/cuda")


def torch_cuda_home(system: str) -> Path | None:
    """The toolkit that torch takes when it is imported, which need not exist where a variable names it.

    Source: `_find_cuda_home` of torch/utils/cpp_extension.py, 2.0 to 2.13.
    """
    if named := os.environ.get("CUDA_HOME") or os.environ.get("CUDA_PATH"):
        return Path(named)
    if nvcc := shutil.which("nvcc"):
        return Path(nvcc).parent.parent
    if system == "windows":
        return next(WINDOWS_DEFAULT.glob("v*.*"), None)
    return UNIX_DEFAULT if UNIX_DEFAULT.exists() else None
