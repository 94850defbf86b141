"""A wheel's METADATA, byte for byte: what an index serves beside the wheel so that nobody fetches it to read that."""

from __future__ import annotations

import hashlib
from email.parser import BytesHeaderParser
from pathlib import Path

from scripts.errors import InputError
from scripts.wheel.content import DAMAGED, open_wheel

SUFFIX = ".metadata"  # PEP 658: the file's name is the wheel's with this behind it


def core_metadata(wheel: Path) -> bytes:
    """The content of the wheel's METADATA; raises InputError when it has none that can be read."""
    with open_wheel(wheel) as content:
        found = [name for name in content.members if name.endswith(".dist-info/METADATA") and name.count("/") == 1]
        if len(found) != 1:
            raise InputError(f"{wheel}: has {len(found)} METADATA files, not one; build it again", id="not-a-wheel")
        try:
            return content.zip.read(found[0])
        except DAMAGED as error:
            raise InputError(
                f"{wheel}: its METADATA cannot be read ({error}); build it again", id="not-a-wheel"
            ) from None


def metadata_entry(wheel: Path) -> dict[str, str | None]:
    """What a manifest keeps of it: the digest of METADATA, and the Pythons it asks for (None when not stated)."""
    content = core_metadata(wheel)
    headers = BytesHeaderParser().parsebytes(content)
    return {"sha256": hashlib.sha256(content).hexdigest(), "requires_python": headers["Requires-Python"]}
