"""Prints, as one JSON object, what decides which wheel fits this very Python. Nothing is imported that could fail.

torch itself takes seconds to import, and a broken one does not import at all; its version.py and CMake file are enough.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import itertools
import json
import os
import re
import sys
import sysconfig
from importlib import metadata
from pathlib import Path
from typing import Any

ZERO, DETACHED = ("runtime", "zero", "stage_1_and_2.py"), "use_cpu_data=False).detach()"  # what patch P18 writes


def torch_facts() -> dict[str, Any] | None:
    """Version, CUDA, other accelerators and C++ ABI of the torch that is installed; None without one."""
    spec = importlib.util.find_spec("torch")
    if spec is None or not spec.submodule_search_locations:
        return None
    directory = Path(next(iter(spec.submodule_search_locations)))
    constants: dict[str, Any] = {}
    try:
        exec(read(directory / "version.py"), constants)  # torch's own file of constants
    except (Exception, SystemExit):  # noqa: BLE001  whatever a damaged file raises
        constants.clear()
    version = constants.get("__version__") or version_of("torch")
    if version is None:
        return None
    abi = re.search(r"_GLIBCXX_USE_CXX11_ABI=([01])", read(directory / "share/cmake/Torch/TorchConfig.cmake"))
    return {
        "version": str(version),
        "installed": version_of("torch"),
        "cuda": constants.get("cuda"),
        "hip": constants.get("hip"),
        "xpu": constants.get("xpu"),
        "cxx11_abi": int(abi.group(1)) if abi else None,
        "gone": gone_files("torch"),
    }


def gone_files(name: str) -> list[str]:
    """What the package's own list has and the disk has not; of torch that is half an installation.

    Its metadata count, too: without them clients take it for absent, and put another in its place.
    """
    if version_of(name) is None:
        return ["METADATA"]
    try:
        files = metadata.distribution(name).files or []
    except Exception:  # noqa: BLE001  whatever a damaged list raises
        return ["RECORD"]
    gone = (str(file) for file in files if file.suffix != ".pyc" and not Path(str(file.locate())).exists())
    return list(itertools.islice(gone, 3))


def companions() -> dict[str, list[str]]:
    """Those of torchvision and torchaudio that are installed: the version, and what each requires of torch."""
    found = {}
    for name in ("torchvision", "torchaudio"):
        version = version_of(name)
        if version:
            required = metadata.requires(name) or []
            found[name] = [version, *(each for each in required if re.match(r"torch(?![\w.-])", each))]
    return found


def cxx_library() -> str | None:
    """The newest `GLIBCXX_` of the libstdc++ that this Python's modules get, `3.4.30`; None where none is found."""
    places = [Path(sys.prefix) / "lib", Path(sys.base_prefix) / "lib"]  # conda brings its own
    places += [Path(name) for name in ("/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64", "/usr/lib")]
    files = (place / "libstdc++.so.6" for place in places)
    content = next((file.read_bytes() for file in files if file.exists()), b"")
    numbers = [int(number) for number in re.findall(rb"GLIBCXX_3\.4\.(\d+)", content)]
    return f"3.4.{max(numbers)}" if numbers else None


def deepspeed_build() -> dict[str, Any]:
    """What DeepSpeed's build wrote down, the names of its compiled modules, and what such a name ends with here."""
    spec = importlib.util.find_spec("deepspeed")
    places = list(spec.submodule_search_locations or ()) if spec else []
    found = [file for place in places for file in sorted(Path(place).rglob("*")) if file.suffix in (".so", ".pyd")]
    return {
        "info": "".join(read(Path(place) / "git_version_info_installed.py") for place in places[:1]),
        "modules": [file.name for file in found],
        "detaches_weights": any(DETACHED in read(Path(place, *ZERO)) for place in places),
        "probes_safely": any("except" in read(Path(place) / "git_version_info.py") for place in places),
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
    """The installed version; None when it is not installed, or its metadata cannot be read."""
    try:
        return metadata.version(name)
    except Exception:  # noqa: BLE001  there is none, or whatever damaged metadata raise
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
        "cxx_library": cxx_library(),
        "companions": companions(),
        "packages": sysconfig.get_paths()["purelib"],
        "tools": {name: version_of(name) for name in ("ninja", "psutil", "py-cpuinfo", "setuptools")},
        "pip": importlib.util.find_spec("pip") is not None,
    }


if __name__ == "__main__":
    json.dump(facts(), sys.stdout)
