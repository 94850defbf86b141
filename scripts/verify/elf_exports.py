"""`ElfExports`: what a shared library on disk offers, asked by name; a library of half a gigabyte is not read whole."""

from __future__ import annotations

import mmap
import struct
from functools import cached_property
from pathlib import Path
from typing import IO, cast

from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerDefSection
from elftools.elf.sections import Section

from scripts.verify.elf_symbols import dynamic_texts

SYMBOL = struct.Struct("<IBBHQQ")  # name, kind and binding, visibility, section, address, size
UNVERSIONED = ""
HIDDEN = 0x8000  # of a version's number: not the one that is linked with today
LOCAL, GLOBAL = 0, 1  # version numbers that name no version


class ElfExports:
    """One library, kept open; raises as `read_elf` for a damaged file, OSError for one that cannot be read."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as stream:
            self._map = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        self._file = ELFFile(cast("IO[bytes]", self._map))
        self._sections = {str(section.name): section for section in self._file.iter_sections()}

    @cached_property
    def needed(self) -> tuple[str, ...]:
        """The libraries that it is loaded with."""
        return dynamic_texts(self._sections.values(), "DT_NEEDED", "needed")

    @cached_property
    def run_paths(self) -> tuple[str, ...]:
        """Where it has them looked for."""
        sections = list(self._sections.values())
        found = dynamic_texts(sections, "DT_RPATH", "rpath") + dynamic_texts(sections, "DT_RUNPATH", "runpath")
        return tuple(part for path in found for part in path.split(":") if part)

    def versions_of(self, name: str) -> frozenset[str]:
        """The versions in which it has the symbol, UNVERSIONED for none in particular; empty when it has not."""
        return frozenset(self._version(index) for index in self._indices(name.encode()))

    @cached_property
    def versions(self) -> frozenset[str]:
        """Every version that it defines."""
        return frozenset(self._names.values())

    @cached_property
    def _names(self) -> dict[int, str]:
        section = self._sections.get(".gnu.version_d")
        if not isinstance(section, GNUVerDefSection):
            return {}
        return {int(found["vd_ndx"]): str(next(iter(names)).name) for found, names in section.iter_versions()}

    def _version(self, index: int) -> str:
        section = self._sections.get(".gnu.version")
        if section is None:
            return UNVERSIONED
        (number,) = struct.unpack_from("<H", self._map, section["sh_offset"] + 2 * index)
        return UNVERSIONED if number & ~HIDDEN in (LOCAL, GLOBAL) else self._names.get(number & ~HIDDEN, UNVERSIONED)

    def _indices(self, name: bytes) -> list[int]:
        symbols, strings, table = (self._sections.get(key) for key in (".dynsym", ".dynstr", ".gnu.hash"))
        if symbols is None or strings is None:
            return []
        everything = range(symbols["sh_size"] // SYMBOL.size)
        candidates = everything if table is None else self._hashed(table, gnu_hash(name))
        return [index for index in candidates if self._is(symbols, strings, index, name)]

    def _hashed(self, table: Section, wanted: int) -> list[int]:
        """The symbols whose hash is the wanted one."""
        start = table["sh_offset"]
        buckets, first, words, _ = struct.unpack_from("<IIII", self._map, start)
        places = start + 16 + 8 * words
        chains = places + 4 * buckets
        (index,) = struct.unpack_from("<I", self._map, places + 4 * (wanted % buckets)) if buckets else (0,)
        found = []
        while index >= first > 0:
            (hashed,) = struct.unpack_from("<I", self._map, chains + 4 * (index - first))
            if hashed | 1 == wanted | 1:
                found.append(index)
            if hashed & 1:
                break
            index += 1
        return found

    def _is(self, symbols: Section, strings: Section, index: int, name: bytes) -> bool:
        at, _, _, section, _, _ = SYMBOL.unpack_from(self._map, symbols["sh_offset"] + SYMBOL.size * index)
        start = strings["sh_offset"] + at
        return section != 0 and self._map[start : start + len(name) + 1] == name + b"\0"


def gnu_hash(name: bytes) -> int:
    """The hash of a name by which the linker's tables have it."""
    value = 5381
    for letter in name:
        value = (value * 33 + letter) & 0xFFFFFFFF
    return value
