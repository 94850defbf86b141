"""A minimal 64-bit Windows DLL, made without a linker: only what an audit reads."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from tests.verify.stub_code import VECTOR_CODE

CODE, DATA = 0x60000020, 0x40000040
PAGE, BLOCK = 0x1000, 0x200


def make_pe(
    needed: tuple[str, ...] = ("c10.dll", "python311.dll"),
    init: str = "cpu_adam_op",
    code: bytes = VECTOR_CODE,
    fatbin: bytes = b"",
    pdb: str = "",
    machine: int = 0x8664,
    calls: tuple[str, ...] = ("function",),
    kind: int = 0x2022,
    marks: int = 0x160,
    code_use: int = CODE,
    exports: tuple[str, ...] = (),
) -> bytes:
    """The bytes of a module that needs DLLs, names a .pdb file and carries CPU and GPU code."""
    tables = _Tables(start=PAGE + max(_round(len(code), PAGE), PAGE))
    directories = {0: tables.exports(sorted([f"PyInit_{init}", *exports])), 1: tables.imports(needed, calls)}
    sections = [(b".text", code_use, code), (b".rdata", DATA, b"")]
    raw = _round(0x400 + len(code), BLOCK)
    if pdb:
        directories[6] = tables.debug(pdb, raw)
    sections[1] = (b".rdata", DATA, bytes(tables.content))
    sections += [(b".nv_fatb", DATA, fatbin)] if fatbin else []
    return _head(machine, directories, sections, kind, marks) + b"".join(
        s[2].ljust(_round(len(s[2]), BLOCK), b"\0") for s in sections
    )


@dataclass
class _Tables:
    """The read-only section while it grows; addresses count from the image's start."""

    start: int

    def __post_init__(self) -> None:
        self.content = bytearray()

    def put(self, data: bytes) -> int:
        self.content += bytes(-len(self.content) % 8)
        address = self.start + len(self.content)
        self.content += data
        return address

    def exports(self, names: list[str]) -> tuple[int, int]:
        own, functions = self.put(b"module.pyd\0"), [self.put(name.encode() + b"\0") for name in names]
        count = len(names)
        addresses = (
            self.put(struct.pack(f"<{count}I", *[PAGE] * count)),
            self.put(struct.pack(f"<{count}I", *functions)),
            self.put(struct.pack(f"<{count}H", *range(count))),
        )
        return self.put(struct.pack("<IIHHIIIIIII", 0, 0, 0, 0, own, 1, count, count, *addresses)), 40

    def imports(self, names: tuple[str, ...], calls: tuple[str, ...]) -> tuple[int, int]:
        """Every library is asked for the same functions."""
        rows = b""
        for name in names:
            table = struct.pack(f"<{len(calls) + 1}Q", *(self.put(b"\0\0%s\0" % call.encode()) for call in calls), 0)
            look_up, slots = self.put(table), self.put(table)
            rows += struct.pack("<IIIII", look_up, 0, 0, self.put(name.encode() + b"\0"), slots)
        return self.put(rows + bytes(20)), len(rows) + 20

    def debug(self, pdb: str, raw: int) -> tuple[int, int]:
        record = b"RSDS" + bytes(16) + struct.pack("<I", 1) + pdb.encode() + b"\0"
        place = self.put(record)
        row = struct.pack("<IIHHIIII", 0, 0, 0, 0, 2, len(record), place, raw + place - self.start)
        return self.put(row), len(row)


def _head(
    machine: int,
    directories: dict[int, tuple[int, int]],
    sections: list[tuple[bytes, int, bytes]],
    characteristics: int,
    marks: int,
) -> bytes:
    rows, address, place = b"", PAGE, 0x400
    for name, kind, content in sections:
        size = _round(len(content), BLOCK)
        rows += struct.pack("<8sIIIIIIHHI", name, len(content), address, size, place, 0, 0, 0, 0, kind)
        address, place = address + max(_round(len(content), PAGE), PAGE), place + size
    table = b"".join(struct.pack("<II", *directories.get(index, (0, 0))) for index in range(16))
    optional = struct.pack("<HBBIIIII", 0x20B, 14, 0, BLOCK, 0, 0, PAGE, PAGE)
    optional += (
        struct.pack(
            "<QIIHHHHHHIIIIHHQQQQII",
            0x180000000,
            PAGE,
            BLOCK,
            6,
            0,
            0,
            0,
            6,
            0,
            0,
            address,
            0x400,
            0,
            2,
            marks,
            1 << 20,
            PAGE,
            1 << 20,
            PAGE,
            0,
            16,
        )
        + table
    )
    coff = struct.pack("<HHIIIHH", machine, len(sections), 0, 0, 0, len(optional), characteristics)
    dos = b"MZ" + bytes(58) + struct.pack("<I", 64)
    return (dos + b"PE\0\0" + coff + optional + rows).ljust(0x400, b"\0")


def _round(size: int, block: int) -> int:
    return -(-size // block) * block
