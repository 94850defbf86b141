"""Damage to a wheel, as disks, servers and attackers do it: in its bytes, in the zip's structures, in its members."""

from __future__ import annotations

import io
import random
import struct
import zipfile
import zlib
from collections.abc import Callable

LOCAL, CENTRAL, END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
WORDS = {  # offset and format of the fields of a header
    LOCAL: {"version": (4, "<H"), "flags": (6, "<H"), "method": (8, "<H"), "crc": (14, "<I"), "packed": (18, "<I"),
            "size": (22, "<I"), "name": (26, "<H"), "extra": (28, "<H")},
    CENTRAL: {"version": (6, "<H"), "flags": (8, "<H"), "method": (10, "<H"), "crc": (16, "<I"), "packed": (20, "<I"),
              "size": (24, "<I"), "name": (28, "<H"), "extra": (30, "<H"), "comment": (32, "<H"), "disk": (34, "<H"),
              "mode": (38, "<I"), "offset": (42, "<I")},
    END: {"disk": (4, "<H"), "here": (8, "<H"), "entries": (10, "<H"), "size": (12, "<I"), "offset": (16, "<I"),
          "comment": (20, "<H")},
}  # fmt: skip
ODD_NAMES = (
    "../evil.py", "/etc/evil", "C:\\evil.py", "deepspeed/con.py", "deepspeed/a:b.py", "deepspeed\\evil.py", "",
    "deepspeed/" + "a" * 5000, "a.dist-info/METADATA", "deepspeed.pth", "deepspeed/\u202egpj.exe",
    "DEEPSPEED/__init__.py",
)  # fmt: skip
ODD_CONTENTS = (
    b"", b"\0" * 100, b"\xff\xfe" * 50, b"(" * 5000, b"[" * 200_000, b"version=" + b"9" * 10_000, b"'\n" * 50,
    b"installed_ops=3\n", b"x" * 200_000 + b",sha256=,\n", b"Name: \xff\n" * 20, b"\x7fELF" + b"\xff" * 60,
    b"MZ" + b"\xff" * 200,
    b"Tag: a-b\nTag: \n", b"Wheel-Version: 99\nTag: py3-none-any-x-y\n", b"Requires-Dist: torch==\n" * 3,
)  # fmt: skip


def damage_wheel(data: bytes, chance: random.Random) -> bytes:
    """The wheel with one thing wrong."""
    return chance.choice(DAMAGES)(data, chance)


def _flip(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data))
    return data[:at] + bytes([data[at] ^ (1 << chance.randrange(8))]) + data[at + 1 :]


def _cut(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randrange(len(data))]


def _zero(data: bytes, chance: random.Random) -> bytes:
    at, size = chance.randrange(len(data)), chance.choice([1, 4, 16, 512])
    return data[:at] + bytes(len(data[at : at + size])) + data[at + size :]


def _move(data: bytes, chance: random.Random) -> bytes:
    """Some bytes taken from one place and put into another."""
    at, to, size = chance.randrange(len(data)), chance.randrange(len(data)), chance.choice([1, 8, 46, 300])
    part, rest = data[at : at + size], data[:at] + data[at + size :]
    return rest[:to] + part + rest[to:]


def _put_around(data: bytes, chance: random.Random) -> bytes:
    more = chance.choice([b"\0" * 10, b"#!/bin/sh\nexit 1\n", data, data[-22:], LOCAL * 4])
    return more + data if chance.random() < 0.5 else data + more


def _field(data: bytes, chance: random.Random) -> bytes:
    """One field of one header with another value."""
    kind = chance.choice([LOCAL, CENTRAL, CENTRAL, END])
    places = [at for at in range(len(data) - 21) if data[at : at + 4] == kind]
    at, (offset, form) = chance.choice(places), chance.choice(list(WORDS[kind].values()))
    limit = 2 ** (8 * struct.calcsize(form)) - 1
    before = struct.unpack_from(form, data, at + offset)[0]
    values = (0, 1, 8, 9, 12, 14, 93, 99, 255, limit, limit // 2, before ^ 1, before ^ 0x800, before + 1, before * 2)
    changed = bytearray(data)
    struct.pack_into(form, changed, at + offset, chance.choice(values) & limit)
    return bytes(changed)


def _member(data: bytes, chance: random.Random) -> bytes:
    """One member more, less, twice, under another name or with another content; RECORD stays as it was."""
    members = _members(data)
    name = chance.choice(list(members))
    odd, content = chance.choice(ODD_NAMES), chance.choice(ODD_CONTENTS)
    edits: list[Callable[[], list[tuple[str, bytes]]]] = [
        lambda: [(key, value) for key, value in members.items() if key != name],
        lambda: [*members.items(), (name, content)],
        lambda: [*members.items(), (odd, content)],
        lambda: [(odd if key == name else key, value) for key, value in members.items()],
        lambda: [(key, content if key == name else value) for key, value in members.items()],
        lambda: [(key, _flip(value, chance) if key == name and value else value) for key, value in members.items()],
        lambda: [*members.items(), (f"other.dist-info/{chance.choice(['METADATA', 'RECORD', 'WHEEL'])}", content)],
    ]
    return _zip(chance.choice(edits)(), chance)


def _bomb(data: bytes, chance: random.Random) -> bytes:
    """A member that unpacks to far more than it says, or to far too much."""
    members = _members(data)
    name = chance.choice(list(members))
    grown = {**members, name: members[name] + bytes(chance.choice([1, 30]) * 10**6)}
    packed = bytearray(_zip(list(grown.items()), chance, zipfile.ZIP_DEFLATED))
    if chance.random() < 0.5:
        for at in range(len(packed) - 46):
            if packed[at : at + 4] == CENTRAL and packed[at + 46 : at + 46 + len(name)] == name.encode():
                struct.pack_into("<I", packed, at + 24, len(members[name]))
                struct.pack_into("<I", packed, at + 16, zlib.crc32(members[name]))
    return bytes(packed)


def _many(data: bytes, chance: random.Random) -> bytes:
    """More members than anybody needs."""
    return _zip(
        [*_members(data).items(), *((f"deepspeed/{n}.py", b"") for n in range(25_000))], chance, zipfile.ZIP_STORED
    )


def _members(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _zip(members: list[tuple[str, bytes]], chance: random.Random, method: int | None = None) -> bytes:
    methods = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
    chosen = chance.choice(methods) if method is None else method
    with io.BytesIO() as file:
        with zipfile.ZipFile(file, "w", chosen) as archive:
            for name, content in members:
                archive.writestr(zipfile.ZipInfo(name[:65_000]), content, chosen)
        return file.getvalue()


DAMAGES: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    *(_flip, _flip, _cut, _zero, _move, _put_around, _field, _field, _field, _member, _member, _member),
    *(_flip, _flip, _cut, _zero, _move, _put_around, _field, _field, _field, _member, _member, _member),
    _bomb,
    _many,
)
