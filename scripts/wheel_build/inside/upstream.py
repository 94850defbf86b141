"""Runs upstream's setup.py inside the build environment: first captured, then, with the ops compiled, packaged.

Captured: `build_ext` runs up to the point where the compiler would be started; every command it would start is written
down instead. So the flags are upstream's and torch's own, to the letter, while this project decides when, in what order
and how many at once they run. Packaged: once the binaries lie where `build_ext` puts them, newer than their sources,
`bdist_wheel` takes them as they are. One process for both, because importing torch and asking every op builder costs
more than either. Standard library, setuptools and torch only.

Usage: python upstream.py OUT.json CAPTURED_DIRECTORY DIST_DIRECTORY CPU_FLAG[,...]  (in the root of the source tree)
It prints CAPTURED, waits for a line on standard input, and packages when that line is PACKAGE.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import sysconfig
import types
from pathlib import Path
from typing import Any

CAPTURED, PACKAGE = "@captured", "@package"


def pin_cpu(flags: list[str]) -> None:
    """Make DeepSpeed's detection see the CPU of the matrix, not of this machine (op_builder `simd_width`)."""
    stub: Any = types.ModuleType("cpuinfo")
    stub.get_cpu_info = lambda: {"arch": "X86_64", "flags": flags}
    sys.modules["cpuinfo"] = stub


def hide_deepspeed() -> None:
    """Let op_builder take its own branch for "not installed yet".

    It would import deepspeed from the source tree, and with it most of torch, which takes seconds and changes nothing:
    the commands are the same to the letter (0.14.5 to 0.19.8).
    """
    sys.modules["deepspeed"] = None  # type: ignore[assignment]  # what makes an import fail


def load_distribution(dist_folder: str) -> Any:
    """The distribution that setup.py describes, its command line parsed and nothing run."""
    import setuptools  # noqa: F401 - must come before distutils

    from distutils.core import run_setup  # isort: skip

    return run_setup("setup.py", ["bdist_wheel", "--dist-dir", dist_folder], stop_after="commandline")


def capture_commands(distribution: Any, build_folder: Path) -> list[dict[str, Any]]:
    """One entry per extension: its name and the compile and link commands in order."""
    from distutils.ccompiler import CCompiler

    command = distribution.get_command_obj("build_ext")
    command.build_lib, command.build_temp = str(build_folder / "lib"), str(build_folder / "objects")
    command.force = True
    command.ensure_finalized()
    entries: list[dict[str, Any]] = []
    original = command.build_extension

    def build_extension(extension: Any) -> None:
        entries.append({"module": extension.name, "sources": list(extension.sources), "commands": []})
        command.build_temp = str(build_folder / "objects" / str(len(entries)))  # short: Windows ends paths at 260
        original(extension)

    def spawn(compiler: Any, argv: list[str], **options: Any) -> None:
        entries[-1]["commands"].append([str(word) for word in argv])

    command.build_extension = build_extension
    setattr(CCompiler, "spawn", spawn)  # noqa: B010 - a plain assignment is a type error
    command.run()
    for entry in entries:
        entry["file"] = os.path.relpath(command.get_ext_fullpath(entry["module"]), command.build_lib)
    return entries


def package(distribution: Any) -> None:
    """Make the wheel; a compiler that would still be started is an error."""
    from distutils.ccompiler import CCompiler

    def spawn(compiler: Any, argv: list[str], **options: Any) -> None:
        raise SystemExit(f"packaging would compile again, so a binary is not where upstream looks: {argv}")

    setattr(CCompiler, "spawn", spawn)  # noqa: B010 - a plain assignment is a type error
    distribution.reinitialize_command("build_ext")
    distribution.run_commands()


def describe_torch() -> dict[str, Any]:
    """What the installed torch says of itself."""
    import torch

    return {
        "version": torch.__version__,
        "cuda": torch.version.cuda,
        "git": torch.version.git_version,
        "cxx11_abi": bool(torch.compiled_with_cxx11_abi()),
        "folder": str(Path(torch.__file__).parent),
    }


def describe_python() -> dict[str, Any]:
    """What of this Python can change a binary or says where things are."""
    return {
        "version": platform.python_version(),
        "prefix": sys.prefix,
        "base_prefix": sys.base_prefix,
        "suffix": sysconfig.get_config_var("EXT_SUFFIX"),
        "platform": sysconfig.get_platform(),
        "cache_tag": sys.implementation.cache_tag,
        "include": sysconfig.get_paths()["include"],
    }


def main(out: str, build_folder: str, dist_folder: str, cpu_flags: str) -> None:
    """Write the captured commands as JSON, then wait to be told to package."""
    sys.path[0] = str(Path.cwd())
    sys.argv = ["setup.py"]
    pin_cpu(cpu_flags.split(","))
    hide_deepspeed()
    distribution = load_distribution(dist_folder)
    extensions = capture_commands(distribution, Path(build_folder))
    import setuptools

    document = {
        "version": distribution.metadata.version,
        "extensions": extensions,
        "torch": describe_torch(),
        "python": describe_python(),
        "setuptools": setuptools.__version__,
    }
    Path(out).write_text(json.dumps(document, indent=1), encoding="utf-8")
    print(CAPTURED, flush=True)
    if sys.stdin.readline().strip() == PACKAGE:
        package(distribution)


if __name__ == "__main__":
    main(*sys.argv[1:])
