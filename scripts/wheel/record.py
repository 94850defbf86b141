"""`WheelRecord`: what is known of a wheel that was filed or published.

Light to import (the standard library and packaging), since `invoke install` reads records too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from scripts.plan.target import Target


@dataclass(frozen=True, kw_only=True)
class Verification:
    """How a wheel was verified: names of the checks that passed and failed, and why others were skipped."""

    level: str | None  # "file", "load", "core" or "full"; None when the manifest has none
    passed: tuple[str, ...]
    failed: tuple[str, ...] = ()
    skipped: Mapping[str, str] = field(default_factory=dict)  # check -> reason
    parts: tuple[str, ...] = ()  # of parts.yaml, that ran on it and passed


@dataclass(frozen=True, kw_only=True)
class WheelSource:
    """What a wheel was made from."""

    kind: str  # "tag" or "sdist"
    sha256: str
    url: str | None = None
    patches: tuple[str, ...] = ()  # ids, "P5"


@dataclass(frozen=True, kw_only=True)
class WheelRecord:
    """One filed or published wheel."""

    target: Target
    sha256: str
    bytes: int
    ops: tuple[str, ...]
    left_out: Mapping[str, str]  # op -> why it is not in the wheel
    lacks: tuple[str, ...] = ()  # those of them that every other wheel of the target's name has
    arches: tuple[str, ...]  # of TORCH_CUDA_ARCH_LIST, "8.6", "12.0+PTX"; empty for CPU
    cpu_level: str  # "avx2"
    torch: str  # the full version it was built with, "2.6.0+cu124"
    toolchain: Mapping[str, str]
    seconds: float  # wall seconds of the build
    source: WheelSource
    verification: Verification | None
    notes: Mapping[str, str] = field(default_factory=dict)  # rule id -> what to know before installing the wheel
    metadata_sha256: str | None = None  # of METADATA, where it is published beside the wheel (PEP 658)
    manifest_sha256: str | None = None  # of the manifest that is published beside the wheel
    platform_tag: str | None = None  # "manylinux_2_28_x86_64"; None: the target's platform
    glibc: str | None = None  # the newest version of its symbols that the ops ask for, "2.34"; None: not stated
    libstdcxx: str | None = None  # the same of GLIBCXX, "3.4.29"
    requires_python: str | None = None  # ">=3.10"
    url: str | None = None  # where the wheel can be downloaded; None: below the URL of the document that lists it
    uploaded: str | None = None  # when it could first be downloaded, else built: "2026-01-31T12:00:00Z"; None: unknown
    yanked: str | None = None  # why it is offered no more; it stays where it is for those who pinned it

    @property
    def file(self) -> str:
        """The wheel's file name: the target's with the level of its platform tag, never another."""
        return self.target.wheel_name_for(self.platform_tag or self.target.platform)

    def as_document(self) -> dict[str, Any]:
        """The record for JSON."""
        found = {"id": self.target.id, **vars(self), "source": vars(self.source)}
        del found["target"], found["verification"]
        return {**found, "proof": vars(self.verification) if self.verification else None}
