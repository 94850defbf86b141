"""A minimal 64-bit ELF shared object, made without a compiler: only what an audit reads."""

from __future__ import annotations

import struct

from tests.verify.stub_code import VECTOR_CODE

DT_NEEDED, DT_RUNPATH = 1, 29
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
) -> bytes:
    """The bytes of a module that needs libraries, has a RUNPATH, carries debug information, CPU and GPU code."""
    entries = [(DT_NEEDED, name) for name in needed] + ([(DT_RUNPATH, run_path)] if run_path else [])
    strings, dynamic = b"\0", b""
    for kind, text in entries:
        dynamic += struct.pack("<QQ", kind, len(strings))
        strings += text.encode() + b"\0"
    symbols = bytes(24) + struct.pack("<IBBHQQ", len(strings), 0x12, 0, 4, 0, 1)
    strings += f"PyInit_{init}".encode() + b"\0"
    sections = [(".dynstr", STRTAB, 0, strings), (".dynamic", DYNAMIC, 0, dynamic + bytes(16))]
    sections += [(".dynsym", DYNSYM, 0, symbols), (".text", PROGBITS, CODE, code)]
    sections += [(".nv_fatbin", PROGBITS, 0, fatbin)] if fatbin else []
    sections += [(".debug_info", PROGBITS, 0, b"where the build machine kept its sources")] if debug else []
    return _join(sections, machine)


def _join(sections: list[tuple[str, int, int, bytes]], machine: int) -> bytes:
    names = b"\0" + b"".join(name.encode() + b"\0" for name, _, _, _ in sections) + b".shstrtab\0"
    body, rows = b"", [bytes(64)]
    for name, kind, flags, content in [*sections, (".shstrtab", STRTAB, 0, names)]:
        link, size = {DYNAMIC: (1, 16), DYNSYM: (1, 24)}.get(kind, (0, 0))
        label = names.index(name.encode() + b"\0")
        rows.append(struct.pack("<IIQQQQIIQQ", label, kind, flags, 0, 64 + len(body), len(content), link, 0, 1, size))
        body += content
    ident = b"\x7fELF\x02\x01\x01" + bytes(9)
    count = len(rows)
    head = struct.pack("<HHIQQQIHHHHHH", 3, machine, 1, 0, 0, 64 + len(body), 0, 64, 0, 0, 64, count, count - 1)
    return ident + head + body + b"".join(rows)
