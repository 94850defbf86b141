"""A minimal 64-bit ELF shared object, made without a compiler: only what an audit reads."""

from __future__ import annotations

import struct

DT_NEEDED, DT_RUNPATH = 1, 29
PROGBITS, STRTAB, DYNAMIC = 1, 3, 6


def make_elf(needed: tuple[str, ...] = ("libc10.so",), run_path: str = "", debug: bool = False) -> bytes:
    """The bytes of a module that needs libraries, has a RUNPATH, or carries debug information."""
    entries = [(DT_NEEDED, name) for name in needed] + ([(DT_RUNPATH, run_path)] if run_path else [])
    strings, dynamic = b"\0", b""
    for kind, text in entries:
        dynamic += struct.pack("<QQ", kind, len(strings))
        strings += text.encode() + b"\0"
    sections = [(".dynstr", STRTAB, strings), (".dynamic", DYNAMIC, dynamic + bytes(16))]
    sections += [(".debug_info", PROGBITS, b"where the build machine kept its sources")] if debug else []
    return _join(sections)


def _join(sections: list[tuple[str, int, bytes]]) -> bytes:
    names = b"\0" + b"".join(name.encode() + b"\0" for name, _, _ in sections) + b".shstrtab\0"
    body, rows = b"", [bytes(64)]
    for name, kind, content in [*sections, (".shstrtab", STRTAB, names)]:
        link, size = (1, 16) if kind == DYNAMIC else (0, 0)
        label = names.index(name.encode() + b"\0")
        rows.append(struct.pack("<IIQQQQIIQQ", label, kind, 0, 0, 64 + len(body), len(content), link, 0, 1, size))
        body += content
    ident = b"\x7fELF\x02\x01\x01" + bytes(9)
    count = len(rows)
    head = struct.pack("<HHIQQQIHHHHHH", 3, 62, 1, 0, 0, 64 + len(body), 0, 64, 0, 0, 64, count, count - 1)
    return ident + head + body + b"".join(rows)
