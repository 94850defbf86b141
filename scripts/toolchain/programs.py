"""The programs that a compiler consists of: their content tells two builds of one release apart, its name does not.

Distributions rebuild a GCC with other patches under the version that it had; a wrapper calls itself g++.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path, PureWindowsPath

from scripts.command import ask
from scripts.files import sha256_of

GCC = ("cc1plus", "as", "ld", "collect2")  # that g++ starts
NVCC = ("bin/nvcc", "bin/cudafe++", "bin/ptxas", "bin/fatbinary", "bin/nvlink", "nvvm/bin/cicc")
# what g++ links into a module or asks of the system: another release of these has other headers, too
LIBRARIES = ("libc.so.6", "libm.so.6", "libstdc++.so", "libgcc_s.so.1", "libgcc.a", "crti.o", "crtbeginS.o")
MSVC = ("cl.exe", "c1.dll", "c1xx.dll", "c2.dll", "link.exe")


def program_digests(compilers: Iterable[str]) -> dict[str, str]:
    """The digest of every program of these compilers (a path, or a name on PATH), by the name of the program."""
    paths = {path for compiler in sorted(set(compilers)) for path in _programs(compiler) if path.is_file()}
    return {path.name: _digest(path) for path in sorted(paths)}


def library_digests(link: Sequence[str], folders: Iterable[Path] = ()) -> dict[str, str]:
    """The digest of every library that a link by g++ takes of the system or of these folders, by its name.

    None for another linker. `folders` are those of -L that nothing else tells of, as torch's release tells of its.
    """
    if "g++" not in PureWindowsPath(link[0]).stem.lower():
        return {}
    words = [word[2:] for word in link if word.startswith("-l")]
    named = [word[1:] if word.startswith(":") else f"lib{word}.so" for word in words]
    paths = (_path_of_gcc(link[0], "file", name) for name in (*LIBRARIES, *named))
    found = {path.name: _digest(path) for path in sorted(map(Path, filter(None, paths))) if path.is_file()}
    names = [*named, *(f"lib{word}.a" for word in words)]
    told = [folder / name for folder in dict.fromkeys(folders) for name in names]
    return {**found, **{f"{place} {path.name}": _digest(path) for place, path in enumerate(told) if path.is_file()}}


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
        yield from (Path(found) for part in GCC if (found := shutil.which(_path_of_gcc(str(path), "prog", part))))


@cache
def _path_of_gcc(compiler: str, kind: str, name: str) -> str:
    """Where a GCC has a `file` or a `prog`; the name itself where it has none."""
    answer = ask([compiler, f"-print-{kind}-name={name}"], env={**os.environ, "LC_ALL": "C"})
    return answer.text or ""


@cache
def _digest(path: Path) -> str:
    return sha256_of(path)
