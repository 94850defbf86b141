"""Versions, CUDA variants and platform tags as wheels write them, and what each says by itself."""

from __future__ import annotations

import re
from collections.abc import Collection

from packaging.version import InvalidVersion, Version

WINDOWS, LINUX = "win_amd64", "linux_x86_64"
SYSTEMS = {WINDOWS: "windows", LINUX: "linux"}  # wheel platform tag -> system, as the data name it
# PEP 600, and the three names that stood for levels before it
MANYLINUX = re.compile(r"manylinux(?:_(?P<glibc>[0-9]+_[0-9]+)|(?P<old>1|2010|2014))_(?P<machine>[a-z0-9_]+)")
X86_64 = "x86-64"
MACHINES = {"x86_64": X86_64, "amd64": X86_64, "aarch64": "arm64", "arm64": "arm64"}  # how a platform tag ends
OLD_LEVELS = {"1": "2.5", "2010": "2.12", "2014": "2.17"}


def manylinux_tag(glibc: str) -> str:
    """`manylinux_2_28_x86_64` of `2.28`."""
    return f"manylinux_{glibc.replace('.', '_')}_x86_64"


def manylinux_level(tag: str) -> str | None:
    """`2.28` of `manylinux_2_28_x86_64`, `2.17` of `manylinux2014_x86_64`; None of a tag of no level."""
    match = MANYLINUX.fullmatch(tag)
    return match and (match["glibc"].replace("_", ".") if match["glibc"] else OLD_LEVELS[match["old"]])


def without_level(tag: str) -> str:
    """`linux_x86_64` of `manylinux_2_28_x86_64`: the platform as a target names it; another tag as it is."""
    match = MANYLINUX.fullmatch(tag)
    return f"linux_{match['machine']}" if match else tag


def machine_of(tag: str) -> str | None:
    """The processor of a platform tag, as its compiled modules name it; None of a tag that names none."""
    return next((machine for end, machine in MACHINES.items() if tag.endswith(end)), None)


def minor_of(release: str) -> str:
    """`2.6` of `2.6.0`."""
    return ".".join(release.split(".")[:2])


def cuda_version(variant: str) -> str | None:
    """`12.4` of `cu124`, `13.0` of `cu130`; None of `cpu`."""
    return None if variant == "cpu" else f"{variant[2:-1]}.{variant[-1]}"


def in_order(known: Collection[str]) -> list[str]:
    """Values of an axis, versions before names and by version."""

    def key(value: str) -> tuple[bool, Version, str]:
        try:
            return (False, Version(value.removesuffix("t")), value)
        except InvalidVersion:
            return (True, Version("0"), value)

    return sorted(known, key=key)
