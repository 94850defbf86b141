"""`read_binary`: an extension module of a wheel as a `Binary`, whichever system it is for."""

from __future__ import annotations

import struct
import zipfile

from elftools.common.exceptions import ELFError

from scripts.verify.binary import Binary
from scripts.wheel.content import DAMAGED

# what the readers of ELF and PE raise for a damaged file: an error of their own, or a plain one where they trusted it
UNSOUND = (
    ELFError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    AssertionError,
    IndexError,
    struct.error,
    OverflowError,
    MemoryError,
)


def read_binary(archive: zipfile.ZipFile, member: str) -> Binary:
    """What the module states of itself."""
    from scripts.verify.elf import read_elf  # the readers take longer to import than `nox -l` to do everything else
    from scripts.verify.pe import read_pe

    try:
        content = archive.read(member)
    except DAMAGED as error:
        return Binary(member=member, fault=f"cannot be read from the wheel ({error})")
    windows = member.endswith(".pyd")
    try:
        return read_pe(member, content) if windows else read_elf(member, content)
    except UNSOUND as error:
        kind = "PE" if windows else "ELF"
        return Binary(member=member, fault=f"not a sound {kind} file ({error})")
