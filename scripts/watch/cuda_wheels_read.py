"""What the wheels of a CUDA toolkit say: the host compilers that it accepts, its architectures, what it brings."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from packaging.version import Version

from scripts.versions import minor_of
from scripts.watch.remote_wheel import open_wheel
from scripts.watch.upstream_answers import Releases, ServedFile, ServedRelease
from scripts.watch.upstream_sources import releases_of

MSC_VER = re.compile(r"#if _MSC_VER < (\d+) \|\| _MSC_VER >= (\d+)")
GCC = re.compile(r"#if __GNUC__ > (\d+)")
# Programs hold more names of architectures than they compile for; this one stands for each that they do.
ARCHITECTURE = re.compile(rb"__CUDA_ARCH__=(\d+)0\b")
TOOLS = ("nvcc", "cudafe++", "ptxas", "fatbinary", "nvlink")
HOSTS = {"win_amd64": "windows", "linux_x86_64": "linux"}


@dataclass(frozen=True, kw_only=True)
class CompilerFacts:
    """Of one CUDA minor."""

    msvc_min: int
    msvc_below: int
    gcc_max: int
    sms: tuple[int, ...]
    windows: bool  # whether the wheels bring nvcc there
    linux: bool
    others: tuple[str, ...]  # other systems that they bring it for


def compiler_facts(minor: str) -> CompilerFacts:
    """What the newest wheels of a minor say; raises ValueError, or one of our errors, when they cannot be read."""
    major = int(minor.split(".")[0])
    project = "nvidia-cuda-nvcc" if major >= 13 else f"nvidia-cuda-nvcc-cu{major}"
    compilers = newest_of(minor, releases_of(project))
    headers = newest_of(minor, releases_of("nvidia-cuda-crt")) if major >= 13 else compilers
    with open_wheel(_for(compilers, "linux_x86_64")) as wheel:
        tools = {tool for tool in TOOLS if wheel.find(rf".*/bin/{re.escape(tool)}")}
        sms = {int(found) for found in ARCHITECTURE.findall(wheel.read(r".*/bin/ptxas"))}
    with open_wheel(_for(headers, "linux_x86_64")) as wheel:
        window, gcc = host_compilers(wheel.text(r".*/host_config\.h"))
    if not sms:
        raise ValueError("its ptxas names no architecture")
    complete = tools == set(TOOLS)
    platforms = platforms_of(compilers) if complete else ()
    return CompilerFacts(
        msvc_min=window[0],
        msvc_below=window[1],
        gcc_max=gcc,
        sms=tuple(sorted(sms)),
        windows="win_amd64" in platforms,
        linux="linux_x86_64" in platforms,
        others=tuple(each for each in platforms if each not in HOSTS),
    )


def host_compilers(header: str) -> tuple[tuple[int, int], int]:
    """The accepted _MSC_VER, from and below, and the newest GCC; raises ValueError when the header says neither."""
    window, gcc = MSC_VER.search(header), GCC.search(header)
    if not window or not gcc:
        raise ValueError("its host_config.h names no host compilers")
    return (int(window[1]), int(window[2])), int(gcc[1])


def newest_of(minor: str, releases: Releases) -> ServedRelease:
    """The newest final release of a minor; raises ValueError when there is none."""
    found = [each for each in releases.values() if minor_of(each.version) == minor and each.final]
    if not found:
        raise ValueError(f"the index has no compiler of CUDA {minor}")
    return max(found, key=lambda each: Version(each.version))


def platforms_of(release: ServedRelease) -> tuple[str, ...]:
    """The systems of its wheels, `linux_aarch64`; the manylinux level is of no interest."""
    return tuple(sorted({_plain(file.name) for file in release.wheels}))


def _plain(name: str) -> str:
    platform = name.removesuffix(".whl").rsplit("-", 1)[-1]
    found = re.search(r"manylinux.*?_(x86_64|aarch64)", platform)
    return f"linux_{found[1]}" if found else platform


def _for(release: ServedRelease, platform: str) -> ServedFile:
    found = next((file for file in _sorted(release.wheels) if _plain(file.name) == platform), None)
    if found is None:
        raise ValueError(f"{release.version} has no wheel for {platform}")
    return found


def _sorted(files: Iterable[ServedFile]) -> list[ServedFile]:
    return sorted(files, key=lambda file: file.name)
