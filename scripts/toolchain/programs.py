"""The programs that a compiler consists of: their content tells two builds of one release apart, its name does not.

Distributions rebuild a GCC with other patches under the version that it had; a wrapper calls itself g++.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path, PureWindowsPath

from scripts.command import ask
from scripts.files import sha256_of

GCC = ("cc1plus", "as", "ld", "collect2")  # that g++ starts
NVCC = ("bin/nvcc", "bin/cudafe++", "bin/ptxas", "bin/fatbinary", "bin/nvlink", "nvvm/bin/cicc")
MSVC = ("cl.exe", "c1.dll", "c1xx.dll", "c2.dll", "link.exe")


def program_digests(compilers: Iterable[str]) -> dict[str, str]:
    """The digest of every program of these compilers (a path, or a name on PATH), by the name of the program."""
    paths = {path for compiler in sorted(set(compilers)) for path in _programs(compiler) if path.is_file()}
    return {path.name: _digest(path) for path in sorted(paths)}


def _programs(compiler: str) -> Iterator[Path]:
    path = Path(shutil.which(compiler) or compiler)
    name = PureWindowsPath(compiler).stem.lower()
    yield path
    if name == "nvcc":
        yield path.parent / "nvcc.profile"
        yield from (path.parent.parent / f"{part}{path.suffix}" for part in NVCC)
    elif name in ("cl", "link"):
        yield from (path.parent / part for part in MSVC)
    elif "g++" in name or "gcc" in name:
        yield from (Path(found) for part in GCC if (found := _program_of_gcc(str(path), part)))


@cache
def _program_of_gcc(compiler: str, part: str) -> str:
    answer = ask([compiler, f"-print-prog-name={part}"], env={**os.environ, "LC_ALL": "C"})
    return shutil.which(answer.text or "") or ""


@cache
def _digest(path: Path) -> str:
    return sha256_of(path)
