"""toolkit.yaml: what a CUDA toolkit must hold, and where one is fetched from."""

from __future__ import annotations

from dataclasses import dataclass

from scripts.schema.annotations import PerSystem, RowName, Source


@dataclass(frozen=True, kw_only=True)
class ToolkitComponent:
    """A part of a CUDA toolkit that an extension needs: what it consists of, and its names where it is fetched."""

    name: RowName  # "cublas"
    what: str
    files: PerSystem[tuple[str, ...]]  # patterns below the root, " | " between alternatives
    redist: tuple[str, ...]  # keys of the manifest, "cccl" or "cuda_cccl"
    extra: str  # of the cuda-toolkit metapackage
    since: int = 0  # first CUDA major that ships it apart
    without: tuple[str, ...] = ()  # patterns of what is not unpacked
    source: Source


@dataclass(frozen=True, kw_only=True)
class ToolkitArchive:
    """NVIDIA's archive of toolkit parts."""

    address: str
    platforms: PerSystem[str]  # key of the manifest
    room: int  # disk space that a toolkit takes until it is complete, in sizes of its archives
    source: Source


@dataclass(frozen=True, kw_only=True)
class ToolkitWheels:
    """The toolkit as wheels of the default index."""

    requirement: str  # with {extras} and {release}
    bytes: PerSystem[int]  # disk space needed
    source: Source
