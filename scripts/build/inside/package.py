"""Runs upstream's `setup.py bdist_wheel` inside the build environment, with the CPU of the matrix pinned.

The op binaries already lie under build/lib.<platform>/, newer than their sources: distutils skips their compilation.
Standard library, setuptools and torch only. Usage: python package.py DIST_FOLDER CPU_FLAG[,CPU_FLAG...]
"""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any


def main(dist_folder: str, cpu_flags: str) -> None:
    """Run setup.py in the current folder."""
    sys.path[0] = str(Path.cwd())
    stub: Any = types.ModuleType("cpuinfo")
    stub.get_cpu_info = lambda: {"arch": "X86_64", "flags": cpu_flags.split(",")}
    sys.modules["cpuinfo"] = stub
    import setuptools  # noqa: F401 - must come before distutils

    from distutils.core import run_setup  # type: ignore[import-not-found,unused-ignore]  # isort: skip

    run_setup("setup.py", ["bdist_wheel", "--dist-dir", dist_folder])


if __name__ == "__main__":
    main(*sys.argv[1:])
