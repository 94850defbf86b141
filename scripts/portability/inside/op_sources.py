"""What each op of a source tree is compiled from: run in its root, with any Python and no torch.

Upstream's own op builders say it; torch is stood in for, and Python takes itself to be on Windows, unless it is told to
stay on Linux. It needs only the standard library.

Usage: python op_sources.py ACCELERATOR TORCH CUDA CPU_FLAG[,...] OUT.json [linux]  (CUDA: "13.0", or "" for the CPU)
It writes one JSON object, op -> {variable, module, sources, include_dirs, options, nvcc_options}; an op whose builder
fails has {error} instead of the last four.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

CUDA_HOME = "/toolkit"


class Extension:
    """What a builder hands to setuptools: its arguments, as attributes."""

    def __init__(self, **given: Any) -> None:
        self.__dict__.update(given)


class StandIn(types.ModuleType):
    """A module that has every name."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return MagicMock()


def stand_in(name: str, **values: Any) -> StandIn:
    """A module in the place of the real one."""
    module = StandIn(name)
    module.__dict__.update({"__path__": [], **values})
    sys.modules[name] = module
    return module


def pretend(accelerator: str, torch: str, cuda: str, cpu_flags: list[str], system: str) -> None:
    """This system, with this torch and this CPU."""
    extension = stand_in(
        "torch.utils.cpp_extension",
        CUDA_HOME=CUDA_HOME,
        ROCM_HOME=None,
        CppExtension=Extension,
        CUDAExtension=Extension,
    )
    utils = stand_in("torch.utils", cpp_extension=extension)
    version = stand_in("torch.version", cuda=cuda or None, hip=None)
    stand_in("torch", __version__=torch, version=version, utils=utils)
    stand_in("cpuinfo", get_cpu_info=lambda: {"arch": "X86_64", "flags": cpu_flags})
    stand_in("psutil")  # the real one asks which system this is
    sys.modules["deepspeed"] = None  # type: ignore[assignment]  # as setup.py sees it: not installed yet
    os.environ["DS_ACCELERATOR"] = accelerator
    sys.platform = "win32" if system == "windows" else "linux"


def builders(cuda: str) -> Iterator[Any]:
    """A builder of every op of the accelerator."""
    sys.path.insert(0, str(Path.cwd()))
    base: Any = importlib.import_module("op_builder.builder")
    base.installed_cuda_version = lambda name="": tuple(map(int, cuda.split(".")))
    base.assert_no_cuda_mismatch = lambda name="": True
    variables = dict(os.environ)
    for builder in importlib.import_module("op_builder.all_ops").ALL_OPS.values():
        yield builder
        os.environ.clear()  # some take architectures off TORCH_CUDA_ARCH_LIST, for all that are asked after them
        os.environ.update(variables)


def describe(builder: Any) -> dict[str, Any]:
    """The sources, the directories of headers and the compiler's words of one op, and what upstream calls it."""
    names = {"variable": builder.BUILD_VAR, "module": builder.absolute_name()}
    try:
        extension = builder.builder()
    except Exception as error:  # noqa: BLE001  upstream's code, of an op that nobody may have asked for
        return {**names, "error": f"{type(error).__name__}: {error}"}
    here = str(Path.cwd())
    folders = [os.path.relpath(folder, here) for folder in extension.include_dirs if not folder.startswith(CUDA_HOME)]
    options = extension.extra_compile_args
    return {
        **names,
        "sources": list(extension.sources),
        "include_dirs": [folder for folder in folders if not folder.startswith("..")],
        "options": list(options["cxx"] if isinstance(options, dict) else options),
        "nvcc_options": list(options.get("nvcc", ()) if isinstance(options, dict) else options),
    }


def main(accelerator: str, torch: str, cuda: str, cpu_flags: str, out: str, system: str = "windows") -> None:
    """Write down what every op is compiled from."""
    pretend(accelerator, torch, cuda, cpu_flags.split(","), system)
    ops = {builder.NAME: describe(builder) for builder in builders(cuda)}
    Path(out).write_text(json.dumps(ops, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
