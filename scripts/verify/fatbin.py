"""`Architectures`: the GPU code in a module, read from the containers that NVIDIA's fatbinary program puts there.

A section holds containers one behind the other, each a header and its entries; an entry is PTX or the machine code
(SASS) of one architecture. The layout is not documented; it was found in official binaries and agrees with cuobjdump.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

SECTIONS = (".nv_fatb", ".nv_fatbin", "__nv_relfatbin")  # a Windows module has room for eight letters of the name
MAGIC = 0xBA55ED50
HEADER = struct.Struct("<IHHQ")  # magic, version, size of this header, bytes of all entries
ENTRY = struct.Struct("<HHIQ12xI")  # kind, version, size of this header, bytes of the code; the architecture
PTX, SASS = 1, 2
CUBIN, CUDA_MACHINE = struct.Struct("<18xH28xI"), 190  # of an ELF: its machine, its flags; EM_CUDA
CONTENT = re.compile(rb"[^\0]")


@dataclass(frozen=True, kw_only=True)
class Architectures:
    """The architectures a module has machine code for, and those it has PTX for, as 86 for sm_86."""

    sass: frozenset[int] = frozenset()
    ptx: frozenset[int] = frozenset()

    def __bool__(self) -> bool:
        """Whether there is any GPU code."""
        return bool(self.sass or self.ptx)

    def __or__(self, other: Architectures) -> Architectures:
        """What both have together."""
        return Architectures(sass=self.sass | other.sass, ptx=self.ptx | other.ptx)

    def __str__(self) -> str:
        """`sm_80, sm_90, PTX of 90`."""
        words = [f"sm_{arch}" for arch in sorted(self.sass)]
        words += [f"PTX of {', '.join(map(str, sorted(self.ptx)))}"] if self.ptx else []
        return ", ".join(words) or "no GPU code"


NO_GPU_CODE = Architectures()


def read_architectures(sections: Iterable[bytes]) -> Architectures:
    """What the sections hold together; raises ValueError, with the offset, when one cannot be read."""
    found = NO_GPU_CODE
    for section in sections:
        for kind, arch in _entries(section):
            one = frozenset({arch})
            found |= Architectures(sass=one) if kind == SASS else Architectures(ptx=one)
    return found


def _entries(section: bytes) -> Iterator[tuple[int, int]]:
    offset = _next_container(section, 0)
    if offset is None:
        raise ValueError("its section for GPU code is empty")
    while offset is not None:
        start, end = _container(section, offset)
        while start < end:
            kind, arch, start = _entry(section, start, end)
            yield kind, arch
        offset = _next_container(section, end)


def _next_container(section: bytes, offset: int) -> int | None:
    """Where the next container starts: between two there is only padding."""
    found = CONTENT.search(section, offset)
    return found.start() if found else None


def _container(section: bytes, offset: int) -> tuple[int, int]:
    if offset + HEADER.size > len(section):
        raise ValueError(f"its GPU code breaks off at byte {offset}")
    magic, _, header, size = HEADER.unpack_from(section, offset)
    end = offset + header + size
    if magic != MAGIC or header < HEADER.size:
        raise ValueError(f"its GPU code has no container at byte {offset}")
    if end > len(section):
        raise ValueError(f"its GPU code breaks off: the container at byte {offset} ends behind the section")
    return offset + header, end


def _other_architecture(section: bytes, start: int, end: int, arch: int) -> int | None:
    """The architecture that the machine code itself names, where it is not this one; None where it is compressed."""
    if start + CUBIN.size > end or section[start : start + 4] != b"\x7fELF":
        return None
    machine, flags = CUBIN.unpack_from(section, start)
    named = {flags & 0xFF, flags >> 8 & 0xFF, flags >> 16 & 0xFF}  # its place changed with CUDA 13
    return None if machine != CUDA_MACHINE or arch in named else flags & 0xFF


def _entry(section: bytes, offset: int, end: int) -> tuple[int, int, int]:
    if offset + ENTRY.size > end:
        raise ValueError(f"its GPU code breaks off at byte {offset}")
    kind, _, header, size, arch = ENTRY.unpack_from(section, offset)
    after = offset + header + size
    if kind in (PTX, SASS) and offset + header < after <= end and not CONTENT.search(section, offset + header, after):
        raise ValueError(f"its GPU code has nothing but zeros for sm_{arch} at byte {offset}")
    if kind == SASS and (other := _other_architecture(section, offset + header, after, arch)):
        raise ValueError(f"its GPU code for sm_{arch} at byte {offset} is for sm_{other}")
    if kind not in (PTX, SASS) or header < ENTRY.size or after > end or not arch:
        raise ValueError(f"its GPU code has an entry of kind {kind} at byte {offset} that cannot be read")
    return kind, arch, after
