"""What a zip can hide: installers that read it from its start see other files than those that read its directory.

uv streams a wheel from its first byte, pip reads the directory at its end; PyPI refuses wheels in which they differ.
"""

from __future__ import annotations

import struct
import zipfile
from collections import Counter
from collections.abc import Iterator
from typing import BinaryIO

from scripts.wheel.members import Members, damage_named

HEADER = struct.Struct("<4sHHHHHIIIHH")  # of a member: what it is, flags, method, time, crc, sizes, lengths
END = struct.Struct("<4sHHHHIIH")
DESCRIBED = 0x8  # crc and sizes stand behind the content
IN_ZIP64 = 0xFFFFFFFF  # the size stands in the extra field
FIELD = struct.Struct("<HH")  # of the extra fields: which one, its length
OTHER_NAME = 0x7075  # Info-ZIP's Unicode path: Python from 3.13 on and uv take it for the name, others do not


def layout_faults(members: Members) -> list[str]:
    """Where the members are not exactly what the directory says."""
    with damage_named(members.path), members.path.open("rb") as file:
        return list(_places(file, members.zip))


def _places(file: BinaryIO, archive: zipfile.ZipFile) -> Iterator[str]:
    """The members must fill the file from its first byte to the directory, and that to the last."""
    if twice := [name for name, count in Counter(info.filename for info in archive.infolist()).items() if count > 1]:
        yield f"{twice[0]} is there twice"
        return
    position = 0
    for info in sorted(archive.infolist(), key=lambda info: info.header_offset):
        if info.header_offset != position:
            yield f"{info.filename} begins at byte {info.header_offset}, not at {position}: something lies between"
            return
        file.seek(position)
        head = file.read(HEADER.size)
        signature, _, flags, method, _, _, crc, packed, size, name, extra = HEADER.unpack(head)
        if signature != b"PK\x03\x04" or file.read(name) != _encoded(info):
            yield f"{info.filename} has another name in its own header"
            return
        stated = [(crc, info.CRC), (packed, info.compress_size), (size, info.file_size)]
        differs = any(own not in (wanted, IN_ZIP64) for own, wanted in stated) and not flags & DESCRIBED
        if differs or (flags, method) != (info.flag_bits, info.compress_type):
            yield f"{info.filename} has another size, digest or packing in its own header"
            return
        if OTHER_NAME in {*_fields(info.extra), *_fields(file.read(extra))}:
            yield f"{info.orig_filename} has a second name in an extra field"
            return
        position += HEADER.size + name + extra + info.compress_size
        if flags & DESCRIBED:
            file.seek(position)
            position += 16 if file.read(4) == b"PK\x07\x08" else 12
    yield from _end(file, archive, position)


def _fields(extra: bytes) -> Iterator[int]:
    """Which extra fields there are."""
    while len(extra) >= FIELD.size:
        number, length = FIELD.unpack_from(extra)
        yield number
        extra = extra[FIELD.size + length :]


def _end(file: BinaryIO, archive: zipfile.ZipFile, position: int) -> Iterator[str]:
    if archive.start_dir != position:
        yield f"its directory begins at byte {archive.start_dir}, not at {position}: something lies between"
        return
    length = file.seek(0, 2)
    file.seek(-END.size, 2)
    signature, disk, first, here, entries, size, offset, comment = END.unpack(file.read(END.size))
    whole = (position, length - position - END.size, len(archive.infolist()), len(archive.infolist()))
    if signature != b"PK\x05\x06" or comment or (offset, size, here, entries) != whole:
        yield "there are bytes behind its directory, or more entries than it counts"
    elif disk or first:
        yield "it says that it is one of several disks"


def _encoded(info: zipfile.ZipInfo) -> bytes:
    return info.orig_filename.encode("utf-8" if info.flag_bits & 0x800 else "cp437")
