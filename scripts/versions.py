"""Versions, CUDA variants and platform tags as wheels write them, and what each says by itself."""

from __future__ import annotations

from collections.abc import Collection

from packaging.version import InvalidVersion, Version

SYSTEMS = {"win_amd64": "windows", "linux_x86_64": "linux"}  # wheel platform tag -> system, as the data name it


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
