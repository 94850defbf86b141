"""`PeExports`: what a DLL on disk offers, asked by name; one of hundreds of megabytes is not read whole."""

from __future__ import annotations

import mmap
import struct
from pathlib import Path

HEADER_AT, SIGNATURE = 0x3C, b"PE\0\0"
PE32_PLUS = 0x20B
DIRECTORIES = {0x10B: 96, PE32_PLUS: 112}  # kind of optional header -> where its directories begin; exports come first
NAMES = struct.Struct("<I4xI")  # of the export directory, from its 24th byte on: how many names, and where they are
SECTION = struct.Struct("<8sIIII")  # name, size in memory, address, size in the file, place in the file


class PeExports:
    """One DLL, kept open; raises ValueError or struct.error for a damaged file, OSError for one that is not read."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as stream:
            self._map = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        (header,) = struct.unpack_from("<I", self._map, HEADER_AT)
        if self._map[header : header + 4] != SIGNATURE:
            raise ValueError("is no PE file")
        sections, size = struct.unpack_from("<H12xH", self._map, header + 6)
        optional = header + 24
        (kind,) = struct.unpack_from("<H", self._map, optional)
        self._sections = [SECTION.unpack_from(self._map, optional + size + 40 * index) for index in range(sections)]
        (table,) = struct.unpack_from("<I", self._map, optional + DIRECTORIES[kind])
        self._count, self._names = NAMES.unpack_from(self._map, self._place(table) + 24) if table else (0, 0)

    def has(self, name: str) -> bool:
        """Whether it exports the name; its names are in order."""
        wanted, low, high = name.encode(), 0, self._count
        while low < high:
            middle = (low + high) // 2
            found = self._name(middle)
            if found == wanted:
                return True
            low, high = (middle + 1, high) if found < wanted else (low, middle)
        return False

    def _name(self, index: int) -> bytes:
        (address,) = struct.unpack_from("<I", self._map, self._place(self._names) + 4 * index)
        start = self._place(address)
        return self._map[start : self._map.find(b"\0", start)]

    def _place(self, address: int) -> int:
        """Where in the file what lies at this address in memory is."""
        for _, size, start, in_file, place in self._sections:
            if start <= address < start + max(size, in_file):
                return int(address - start + place)
        raise ValueError(f"has nothing at {address:#x}")
