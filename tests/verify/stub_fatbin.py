"""GPU code without a GPU compiler: containers as NVIDIA's fatbinary writes them, around bytes that are no code."""

from __future__ import annotations

import struct

PTX, SASS = 1, 2


def make_fatbin(*sass: int, ptx: tuple[int, ...] = (), padding: int = 16, cubin: bytes = b"cubin of " * 3) -> bytes:
    """A container with an entry for each architecture, and padding behind it as linkers leave it."""
    entries = b"".join(_entry(SASS, arch, cubin) for arch in sass)
    entries += b"".join(_entry(PTX, arch, b".version 8.7\n") for arch in ptx)
    return struct.pack("<IHHQ", 0xBA55ED50, 1, 16, len(entries)) + entries + bytes(padding)


def _entry(kind: int, arch: int, code: bytes) -> bytes:
    header = struct.pack("<HHIQ", kind, 0x101, 64, len(code)) + struct.pack("<IIII", 0, 0, 0, arch)
    return header.ljust(64, b"\0") + code


def cubin(arch: int) -> bytes:
    """The head of machine code that names its architecture, as CUDA 12 writes it."""
    return (
        b"\x7fELF\2\1\x33"
        + bytes(9)
        + struct.pack("<HHI", 2, 190, 1)
        + bytes(24)
        + struct.pack("<I", arch << 16 | arch)
    )
