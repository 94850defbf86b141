"""Import libraries for DLLs that come without: a COFF archive of short import objects, from a DLL's export table.

The form is Microsoft's "PE Format": section "Archive (Library) File Format" for the archive and its two symbol
tables, "Import Library Format" for the short objects, and ordinary COFF objects for the three that begin and end the
import table. It is what `lib /def /machine:x64` writes.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.errors import PrerequisiteError

AMD64 = 0x8664
CODE, DATA = 0, 1  # type of an import
BY_ORDINAL, BY_NAME = 0, 1  # how it is named in the DLL
EXTERNAL, STATIC, SECTION = 2, 3, 104  # storage classes
RELOCATE_RVA = 3  # IMAGE_REL_AMD64_ADDR32NB
INITIALIZED = 0xC0000040  # initialised data, read and write
ALIGN_2, ALIGN_4, ALIGN_8 = 0x200000, 0x300000, 0x400000


@dataclass(frozen=True, kw_only=True)
class Export:
    """One symbol that a DLL offers."""

    name: str | None  # None: by ordinal alone, and then it is nothing to link by name
    ordinal: int
    code: bool  # false: data, which is reached through __imp_ only


@dataclass(frozen=True, kw_only=True)
class Member:
    """One object of the archive and the symbols that lead to it."""

    content: bytes
    symbols: tuple[str, ...]


def write_import_library(dll: Path, library: Path) -> None:
    """Write the x64 import library of `dll`; raises PrerequisiteError when it is no x64 DLL with named exports."""
    name, exports = read_exports(dll)
    library.write_bytes(import_library(name, exports))


def read_exports(dll: Path) -> tuple[str, tuple[Export, ...]]:
    """The file name that an image is to load, and the DLL's exports by ordinal."""
    import pefile  # takes longer to import than `nox -l` to do everything else

    try:
        with pefile.PE(str(dll), fast_load=True) as image:
            if image.FILE_HEADER.Machine != AMD64:
                raise PrerequisiteError(f"{dll.name} is not for x64 Windows", id="dll-not-usable")
            image.parse_data_directories([pefile.DIRECTORY_ENTRY["IMAGE_DIRECTORY_ENTRY_EXPORT"]])
            table = getattr(image, "DIRECTORY_ENTRY_EXPORT", None)
            symbols = [] if table is None else table.symbols
            exports = [_export(image, symbol) for symbol in symbols]
    except pefile.PEFormatError as error:
        raise PrerequisiteError(f"{dll.name} is not a complete DLL: {error}", id="dll-not-usable") from None
    if not any(export.name for export in exports):
        raise PrerequisiteError(f"{dll.name} exports nothing by name", id="dll-not-usable")
    return dll.name, tuple(sorted(exports, key=lambda export: export.ordinal))


def _export(image: object, symbol: object) -> Export:
    """An export is code when its address lies in an executable section, or is forwarded to another DLL."""
    address, name = getattr(symbol, "address", 0), getattr(symbol, "name", None)
    section = image.get_section_by_rva(address)  # type: ignore[attr-defined]
    code = bool(getattr(symbol, "forwarder", None)) or bool(section and section.IMAGE_SCN_MEM_EXECUTE)
    return Export(name=name.decode("ascii") if name else None, ordinal=getattr(symbol, "ordinal", 0), code=code)


def import_library(dll: str, exports: Sequence[Export]) -> bytes:
    """The library's bytes; the same for the same exports."""
    stem = dll.rpartition(".")[0] or dll
    descriptor, null, thunk = f"__IMPORT_DESCRIPTOR_{stem}", "__NULL_IMPORT_DESCRIPTOR", f"\x7f{stem}_NULL_THUNK_DATA"
    members = [
        Member(content=_descriptor_object(dll, descriptor, null, thunk), symbols=(descriptor,)),
        Member(content=_null_object(null), symbols=(null,)),
        Member(content=_thunk_object(thunk), symbols=(thunk,)),
        *(_short_import(dll, export) for export in exports if export.name),
    ]
    return _archive(dll, members)


def _short_import(dll: str, export: Export) -> Member:
    name = export.name or ""
    names = name.encode() + b"\0" + dll.encode() + b"\0"
    kind = (CODE if export.code else DATA) | BY_NAME << 2
    header = struct.pack("<HHHHIIHH", 0, 0xFFFF, 0, AMD64, 0, len(names), 0, kind)
    return Member(content=header + names, symbols=(f"__imp_{name}", name) if export.code else (f"__imp_{name}",))


# ---------------------------------------------------------------- the three objects around the imports


@dataclass(frozen=True, kw_only=True)
class _Section:
    name: str
    content: bytes
    align: int
    relocations: tuple[tuple[int, int], ...] = ()  # offset, index of the symbol


def _descriptor_object(dll: str, descriptor: str, null: str, thunk: str) -> bytes:
    """The DLL's row of the import table: its name, and where its two lists of addresses begin."""
    text = dll.encode() + b"\0"
    table = _Section(
        name=".idata$2", content=bytes(20), align=ALIGN_4, relocations=((12, 2), (0, 3), (16, 4))
    )  # the name, the lookup table, the address table
    name = _Section(name=".idata$6", content=text + bytes(len(text) % 2), align=ALIGN_2)
    symbols = (
        (descriptor, 0, 1, EXTERNAL),
        (".idata$2", 0, 1, SECTION),
        (".idata$6", 0, 2, STATIC),
        (".idata$4", 0, 0, SECTION),
        (".idata$5", 0, 0, SECTION),
        (null, 0, 0, EXTERNAL),
        (thunk, 0, 0, EXTERNAL),
    )
    return _object((table, name), symbols)


def _null_object(null: str) -> bytes:
    """The empty row that ends the import table."""
    return _object((_Section(name=".idata$3", content=bytes(20), align=ALIGN_4),), ((null, 0, 1, EXTERNAL),))


def _thunk_object(thunk: str) -> bytes:
    """The empty entries that end the DLL's two lists."""
    sections = tuple(_Section(name=name, content=bytes(8), align=ALIGN_8) for name in (".idata$5", ".idata$4"))
    return _object(sections, ((thunk, 0, 1, EXTERNAL),))


def _object(sections: Sequence[_Section], symbols: Sequence[tuple[str, int, int, int]]) -> bytes:
    """A COFF object; a symbol is its name, value, section (from 1, 0 for elsewhere) and storage class."""
    offset = 20 + 40 * len(sections)
    headers, bodies = b"", b""
    for section in sections:
        relocations = b"".join(struct.pack("<IIH", at, index, RELOCATE_RVA) for at, index in section.relocations)
        data_at = offset + len(bodies)
        bodies += section.content + relocations
        relocations_at = data_at + len(section.content) if relocations else 0
        headers += struct.pack(
            "<8sIIIIIIHHI",
            section.name.encode(),
            0,
            0,
            len(section.content),
            data_at,
            relocations_at,
            0,
            len(section.relocations),
            0,
            INITIALIZED | section.align,
        )
    table, strings = _symbols(symbols)
    file_header = struct.pack("<HHIIIHH", AMD64, len(sections), 0, offset + len(bodies), len(symbols), 0, 0)
    return file_header + headers + bodies + table + strings


def _symbols(symbols: Sequence[tuple[str, int, int, int]]) -> tuple[bytes, bytes]:
    table, strings = b"", b""
    for name, value, section, storage in symbols:
        encoded = name.encode()
        if len(encoded) > 8:
            field = struct.pack("<II", 0, 4 + len(strings))
            strings += encoded + b"\0"
        else:
            field = encoded.ljust(8, b"\0")
        table += field + struct.pack("<IhHBB", value, section, 0, storage, 0)
    return table, struct.pack("<I", 4 + len(strings)) + strings


# ---------------------------------------------------------------- the archive


def _archive(dll: str, members: Sequence[Member]) -> bytes:
    """The members with the two symbol tables, and the DLL's name for all of them."""
    long_names = dll.encode() + b"\0" if len(dll) > 15 else b""
    name = "/0" if long_names else f"{dll}/"
    symbols = [(symbol, index) for index, member in enumerate(members) for symbol in member.symbols]
    texts = sum(len(symbol) + 1 for symbol, _ in symbols)
    sizes = (4 + 4 * len(symbols) + texts, 4 + 4 * len(members) + 4 + 2 * len(symbols) + texts)
    start = 8 + sum(60 + _even(size) for size in sizes) + (60 + _even(len(long_names)) if long_names else 0)
    offsets = _offsets(members, start)
    parts = [b"!<arch>\n", _member("/", _first_table(symbols, offsets)), _member("/", _second_table(symbols, offsets))]
    if long_names:
        parts.append(_member("//", long_names))
    return b"".join([*parts, *(_member(name, member.content) for member in members)])


def _offsets(members: Sequence[Member], start: int) -> dict[int, int]:
    found = {}
    for index, member in enumerate(members):
        found[index] = start
        start += 60 + _even(len(member.content))
    return found


def _first_table(symbols: Sequence[tuple[str, int]], offsets: Mapping[int, int]) -> bytes:
    """Big-endian, in the order of the members."""
    places = b"".join(struct.pack(">I", offsets[index]) for _, index in symbols)
    return struct.pack(">I", len(symbols)) + places + b"".join(name.encode() + b"\0" for name, _ in symbols)


def _second_table(symbols: Sequence[tuple[str, int]], offsets: Mapping[int, int]) -> bytes:
    """Little-endian, in the order of the names, which Microsoft's linker searches by halves."""
    places = b"".join(struct.pack("<I", offset) for offset in offsets.values())
    ordered = sorted(symbols, key=lambda pair: pair[0].encode())
    indices = b"".join(struct.pack("<H", index + 1) for _, index in ordered)
    names = b"".join(name.encode() + b"\0" for name, _ in ordered)
    return struct.pack("<I", len(offsets)) + places + struct.pack("<I", len(symbols)) + indices + names


def _member(name: str, content: bytes) -> bytes:
    header = f"{name:<16}{0:<12}{'':<6}{'':<6}{'0':<8}{len(content):<10}`\n".encode()
    return header + content + b"\n" * (len(content) % 2)


def _even(size: int) -> int:
    return size + size % 2
