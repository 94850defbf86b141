"""`read_binary`: an extension module of a wheel as a `Binary`, whichever system it is for."""

from __future__ import annotations

import struct
import zlib

from elftools.common.exceptions import ELFError

from scripts.errors import InputError
from scripts.verify.binary import Binary
from scripts.wheel.members import Members

# what the readers of ELF and PE raise for a damaged file: an error of their own, or a plain one where they trusted it
UNSOUND = (
    ELFError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MemoryError,
    NotImplementedError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)


def read_binary(files: Members, member: str) -> Binary:
    """What the module states of itself."""
    from scripts.verify.elf import read_elf  # the readers take longer to import than `nox -l` to do everything else
    from scripts.verify.pe import read_pe

    try:
        content = files.read_module(member)
    except InputError as error:
        return Binary(member=member, fault=f"cannot be read from the wheel ({error})")
    windows = member.endswith(".pyd")
    try:
        return read_pe(member, content) if windows else read_elf(member, content)
    except UNSOUND as error:
        kind = "PE" if windows else "ELF"
        return Binary(member=member, fault=f"not a sound {kind} file ({error})")
