"""What the wheels of a torch release say of themselves: CUDA, architectures, ABI, linker, setuptools, C++ standard."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pefile
import requests

from scripts.command import Log
from scripts.errors import WheelsError
from scripts.watch.remote_wheel import WheelMembers, open_wheel
from scripts.watch.upstream_answers import ServedFile

FLAGS = re.compile(rb"(?:(?:sm|compute)_\d+[a-z]* ?){2,}")  # CUDA_ARCH_FLAGS, which torch.cuda.get_arch_list() splits
FLAG = re.compile(r"(sm|compute)_(\d+)[a-z]*")
STANDARD = re.compile(r"[-/]std[=:](c\+\+\d+)")
ABI = re.compile(r"_GLIBCXX_USE_CXX11_ABI=(\d)")
CUDA = re.compile(r"^cuda\b.*= '([\d.]+)'", re.MULTILINE)
MSVC = re.compile(r"^MINIMUM_MSVC_VERSION = \((.+)\)", re.MULTILINE)
KNOWN = re.compile(r"supported_arches = \[(.*?)\]", re.DOTALL)
OLD_IMPORT = "from pkg_resources import packaging"  # which setuptools 70 took away


@dataclass(frozen=True, kw_only=True)
class BinaryFacts:
    """Of one variant on one system."""

    arches: str  # TORCH_CUDA_ARCH_LIST; empty for the CPU
    cxx11_abi: int
    variant: str  # as its version.py says, "cu130"


@dataclass(frozen=True, kw_only=True)
class ExtensionFacts:
    """Of the Windows wheel of the default index: what building an extension with it means."""

    msvc: str  # the linker of its binaries, "14.42"
    setuptools: str  # ">=77.0.3"
    standards: tuple[str, ...]  # that cpp_extension.py appends, ("c++20",)
    oldest_msvc: str  # that it accepts, "19.20"
    arches: tuple[str, ...]  # that it understands, "10.0"


def binary_facts(file: ServedFile, system: str) -> BinaryFacts:
    """What the binaries of a wheel say; raises ValueError, or one of our errors, when it cannot be read."""
    with open_wheel(file) as wheel:
        found = CUDA.search(wheel.text(r"torch/version\.py"))
        variant = f"cu{found[1].replace('.', '')}" if found else "cpu"
        library = r"torch/lib/torch_python\.dll" if system == "windows" else r"torch/lib/libtorch_python\.so"
        arches = arch_list(wheel.read(library)) if found else ""
        abi = ABI.search(wheel.text(r"torch/share/cmake/Torch/TorchConfig\.cmake"))
        return BinaryFacts(arches=arches, cxx11_abi=int(abi[1]) if abi else 1, variant=variant)


def arch_list(library: bytes) -> str:
    """`7.5;8.0;12.0+PTX` of the flags in a library; raises ValueError when they are not in it."""
    found = max(FLAGS.findall(library), key=len, default=b"").decode()
    flags = FLAG.findall(found)
    names = {number: f"{number[:-1]}.{number[-1]}" for _, number in flags}
    if not names:
        raise ValueError("its library names no architectures")
    portable = {number for kind, number in flags if kind == "compute"}
    return ";".join(names[n] + ("+PTX" if n in portable else "") for n in sorted(names, key=int))


def extension_facts(file: ServedFile) -> ExtensionFacts:
    """What a Windows wheel says of building with it; raises ValueError, or one of our errors, as above."""
    with open_wheel(file) as wheel:
        header = _header(wheel.read(r"torch/lib/c10\.dll"))
        helper = wheel.text(r"torch/utils/cpp_extension\.py")
        minimum, known = MSVC.search(helper), KNOWN.search(helper)
        return ExtensionFacts(
            msvc=f"{header.MajorLinkerVersion}.{header.MinorLinkerVersion}",
            setuptools=_setuptools(wheel, helper),
            standards=tuple(sorted(set(STANDARD.findall(helper)))),
            oldest_msvc=".".join(re.findall(r"\d+", minimum[1])) if minimum else "",
            arches=tuple(re.findall(r"'(\d+\.\d+)", known[1])) if known else (),
        )


def _header(library: bytes) -> Any:  # noqa: ANN401  pefile states no types
    try:
        return pefile.PE(data=library, fast_load=True).OPTIONAL_HEADER
    except pefile.PEFormatError as error:
        raise ValueError(f"its c10.dll is none: {error}") from None


def _setuptools(wheel: WheelMembers, helper: str) -> str:
    bounds = [str(need.specifier) for need in wheel.requirements() if need.name == "setuptools"]
    bound = next((each for each in bounds if each), "")
    return bound or ("<70" if OLD_IMPORT in helper else "")


def read_binaries(
    files: Mapping[tuple[str, str], ServedFile], log: Log
) -> tuple[dict[tuple[str, str], BinaryFacts], tuple[str, ...]]:
    """By system and variant what could be read, and a sentence for each wheel that could not."""
    found: dict[tuple[str, str], BinaryFacts] = {}
    silent: list[str] = []
    for (system, variant), file in files.items():
        log(f"  reading {file.name}")
        try:
            found[system, variant] = binary_facts(file, system)
        except (WheelsError, ValueError, requests.RequestException) as error:
            silent.append(f"{file.name} could not be read: {str(error).splitlines()[0]}")
    more = [f"nor could {len(silent) - 1} others of its wheels"] if len(silent) > 1 else []
    return found, (*silent[:1], *more)


def pick(files: Iterable[ServedFile], system: str = "") -> ServedFile | None:
    """One of the wheels of a release for a system: what is read does not depend on the Python."""
    mine = [file for file in files if not system or _is_for(file.name, system)]
    return next((file for file in mine if "-cp311-" in file.name), mine[-1] if mine else None)


def _is_for(name: str, system: str) -> bool:
    platform = name.removesuffix(".whl").rsplit("-", 1)[-1]
    return platform == "win_amd64" if system == "windows" else "linux" in platform and "x86_64" in platform
