"""Imports DeepSpeed as on a machine that has a GPU and no CUDA toolkit: nearly everybody's.

Releases before 0.19.5 ask at import whether each op could be compiled, as soon as a GPU is there; without nvcc the
import itself fails, and a machine without a GPU never shows it. Where there is no GPU, one is simulated.
Usage: python bare_machine.py
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import SimpleNamespace

import prebuilt  # type: ignore[import-not-found,unused-ignore]

NAME = "import without a CUDA toolkit"
COMPILERS = ("nvcc", "nvcc.exe")
HOMES = ("CUDA_HOME", "CUDA_PATH", "CUDA_ROOT", "CUDACXX")


def forget_toolkit() -> None:
    """Take every trace of a CUDA toolkit out of this process, before torch looks for one and after it."""
    for variable in [name for name in os.environ if name in HOMES or name.startswith("CUDA_PATH_V")]:
        del os.environ[variable]
    directories = os.environ.get("PATH", "").split(os.pathsep)
    kept = [directory for directory in directories if not any((Path(directory) / name).is_file() for name in COMPILERS)]
    os.environ["PATH"] = os.pathsep.join(kept)
    from torch.utils import cpp_extension  # type: ignore[import-not-found,unused-ignore]

    cpp_extension.CUDA_HOME = None  # it also knows the usual directories


def simulate_gpu() -> None:
    """Let torch report one GPU, of architecture 8.0."""
    import torch  # type: ignore[import-not-found,unused-ignore]

    properties = SimpleNamespace(name="simulated", major=8, minor=0, total_memory=1 << 33, multi_processor_count=1)
    torch.cuda.is_available = lambda: True
    torch.cuda.device_count = lambda: 1
    torch.cuda.current_device = lambda: 0
    torch.cuda.get_device_name = lambda device=None: properties.name
    torch.cuda.get_device_capability = lambda device=None: (properties.major, properties.minor)
    torch.cuda.get_device_properties = lambda device=None: properties
    torch.version.cuda = torch.version.cuda or "12.4"


def main() -> None:
    """Import it and print the document."""
    if prebuilt.accelerator_name() != "cuda":
        prebuilt.emit([prebuilt.check(NAME, None, "a wheel for CPU asks for no toolkit")])
        return
    forget_toolkit()
    simulated = not prebuilt.has_gpu()
    if simulated:
        simulate_gpu()
    try:
        import deepspeed  # type: ignore[import-not-found,unused-ignore]

        result = prebuilt.check(
            NAME, True, f"deepspeed {deepspeed.__version__}, GPU {'simulated' if simulated else 'present'}"
        )
    except Exception as error:  # noqa: BLE001 - whatever the import raises is the answer
        result = prebuilt.check(NAME, False, f"{type(error).__name__}: {error}")
    prebuilt.emit([result])
    sys.stdout.flush()
    os._exit(0)  # what a library does at exit with a simulated GPU is of no interest


if __name__ == "__main__":
    main()
