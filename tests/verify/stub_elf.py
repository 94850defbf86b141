"""A minimal 64-bit ELF shared object, made without a compiler: only what an audit reads."""

from __future__ import annotations

import struct

from tests.verify.stub_code import VECTOR_CODE

DT_NEEDED, DT_TEXTREL, DT_RUNPATH = 1, 22, 29
LOAD, INTERP, STACK = 1, 3, 0x6474E551  # kinds of segments
READ_WRITE, ALL = 6, 7  # what a segment's memory may be used for
PLAIN_STACK = ((STACK, READ_WRITE),)
PROGBITS, STRTAB, DYNAMIC, DYNSYM = 1, 3, 6, 11
CODE = 0x4  # SHF_EXECINSTR


def make_elf(
    needed: tuple[str, ...] = ("libc10.so",),
    run_path: str = "",
    debug: bool = False,
    init: str = "cpu_adam_op",
    code: bytes = VECTOR_CODE,
    fatbin: bytes = b"",
    machine: int = 62,
    kind: int = 3,
    segments: tuple[tuple[int, int], ...] = PLAIN_STACK,
    text_relocations: bool = False,
) -> bytes:
    """The bytes of a module that needs libraries, has a RUNPATH, carries debug information, CPU and GPU code."""
    entries = [(DT_NEEDED, name) for name in needed] + ([(DT_RUNPATH, run_path)] if run_path else [])
    strings, dynamic = b"\0", b""
    for entry, text in entries:
        dynamic += struct.pack("<QQ", entry, len(strings))
        strings += text.encode() + b"\0"
    dynamic += struct.pack("<QQ", DT_TEXTREL, 0) if text_relocations else b""
    symbols = bytes(24) + struct.pack("<IBBHQQ", len(strings), 0x12, 0, 4, 0, 1)
    strings += f"PyInit_{init}".encode() + b"\0"
    sections = [(".dynstr", STRTAB, 0, strings), (".dynamic", DYNAMIC, 0, dynamic + bytes(16))]
    sections += [(".dynsym", DYNSYM, 0, symbols), (".text", PROGBITS, CODE, code)]
    sections += [(".nv_fatbin", PROGBITS, 0, fatbin)] if fatbin else []
    sections += [(".debug_info", PROGBITS, 0, b"where the build machine kept its sources")] if debug else []
    return _join(sections, machine, kind, segments)


def _join(
    sections: list[tuple[str, int, int, bytes]], machine: int, kind_of_file: int, segments: tuple[tuple[int, int], ...]
) -> bytes:
    names = b"\0" + b"".join(name.encode() + b"\0" for name, _, _, _ in sections) + b".shstrtab\0"
    body, rows = b"", [bytes(64)]
    for name, kind, flags, content in [*sections, (".shstrtab", STRTAB, 0, names)]:
        link, size = {DYNAMIC: (1, 16), DYNSYM: (1, 24)}.get(kind, (0, 0))
        label = names.index(name.encode() + b"\0")
        rows.append(struct.pack("<IIQQQQIIQQ", label, kind, flags, 0, 64 + len(body), len(content), link, 0, 1, size))
        body += content
    ident = b"\x7fELF\x02\x01\x01" + bytes(9)
    count = len(rows)
    table = b"".join(struct.pack("<IIQQQQQQ", what, use, 0, 0, 0, 0, 0, 16) for what, use in segments)
    after = 64 + len(body)
    places = (after + 64 * count if segments else 0, after)
    sizes = (64, 56, len(segments), 64, count, count - 1)
    head = struct.pack("<HHIQQQIHHHHHH", kind_of_file, machine, 1, 0, *places, 0, *sizes)
    return ident + head + body + b"".join(rows) + table
