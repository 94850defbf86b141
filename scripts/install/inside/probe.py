"""Prints, as one JSON object, what decides which wheel fits this very Python. Nothing is imported that could fail.

torch itself takes seconds to import, and a broken one does not import at all; its version.py and CMake file are enough.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import json
import os
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


def deepspeed_build() -> dict[str, Any]:
    """What DeepSpeed's build wrote down, the names of its compiled modules, and what such a name ends with here."""
    spec = importlib.util.find_spec("deepspeed")
    places = list(spec.submodule_search_locations or ()) if spec else []
    found = [file for place in places for file in sorted(Path(place).rglob("*")) if file.suffix in (".so", ".pyd")]
    return {
        "info": "".join(read(Path(place) / "git_version_info_installed.py") for place in places[:1]),
        "modules": [file.name for file in found],
        "suffixes": [suffix[1:] for suffix in importlib.machinery.EXTENSION_SUFFIXES],
    }


def c_library() -> str | None:
    """`glibc 2.36`, or `musl`; None on another system than Linux, and where it does not say."""
    found = None
    if sys.platform.startswith("linux"):
        names = [sysconfig.get_config_var(name) for name in ("HOST_GNU_TYPE", "MULTIARCH", "EXT_SUFFIX")]
        try:
            found = "musl" if any("musl" in str(name) for name in names) else os.confstr("CS_GNU_LIBC_VERSION")
        except (ValueError, OSError):  # musl has no such name
            found = "musl" if list(Path("/lib").glob("ld-musl-*")) else None
    return found


def read(path: Path) -> str:
    """What the file holds; nothing when there is none."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
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
        "deepspeed_build": deepspeed_build(),
        "c_library": c_library(),
        "pip": importlib.util.find_spec("pip") is not None,
    }


if __name__ == "__main__":
    json.dump(facts(), sys.stdout)
