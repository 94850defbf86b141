"""Prints, as one JSON object, what decides which wheel fits this very Python. Nothing is imported that could fail.

torch itself takes seconds to import, and a broken one does not import at all; its version.py and CMake file are enough.
"""

from __future__ import annotations

import importlib.util
import json
import re
import sys
import sysconfig
from importlib import metadata
from pathlib import Path
from typing import Any


def torch_facts() -> dict[str, Any] | None:
    """Version, CUDA, other accelerators and C++ ABI of the torch that is installed; None without one."""
    spec = importlib.util.find_spec("torch")
    if spec is None or not spec.submodule_search_locations:
        return None
    directory = Path(next(iter(spec.submodule_search_locations)))
    constants: dict[str, Any] = {}
    exec(read(directory / "version.py"), constants)  # torch's own file of constants
    abi = re.search(r"_GLIBCXX_USE_CXX11_ABI=([01])", read(directory / "share/cmake/Torch/TorchConfig.cmake"))
    return {
        "version": str(constants.get("__version__") or version_of("torch")),
        "installed": version_of("torch"),
        "cuda": constants.get("cuda"),
        "hip": constants.get("hip"),
        "xpu": constants.get("xpu"),
        "cxx11_abi": int(abi.group(1)) if abi else None,
    }


def read(path: Path) -> str:
    """What the file holds; nothing when there is none."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""


def version_of(name: str) -> str | None:
    """The installed version; None when it is not installed."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def facts() -> dict[str, Any]:
    """Everything."""
    free_threaded = "t" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""
    return {
        "implementation": sys.implementation.name,
        "python": f"{sys.version_info[0]}.{sys.version_info[1]}{free_threaded}",
        "platform": re.sub(r"[-.]", "_", sysconfig.get_platform()).lower(),
        "torch": torch_facts(),
        "deepspeed": version_of("deepspeed"),
        "pip": importlib.util.find_spec("pip") is not None,
    }


if __name__ == "__main__":
    json.dump(facts(), sys.stdout)
