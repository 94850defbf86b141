"""A wheel's METADATA, byte for byte: what an index serves beside the wheel so that nobody fetches it to read that."""

from __future__ import annotations

import hashlib
from email.parser import BytesHeaderParser
from pathlib import Path

from scripts.errors import InputError
from scripts.wheel.content import open_wheel

SUFFIX = ".metadata"  # PEP 658: the file's name is the wheel's with this behind it


def core_metadata(wheel: Path) -> bytes:
    """The content of the wheel's METADATA; raises InputError when it has none that can be read."""
    with open_wheel(wheel) as content:
        name = f"{content.info_folder}/METADATA"
        if name not in content.members:
            raise InputError(f"{wheel}: has no METADATA, or two .dist-info; build it again", id="not-a-wheel")
        return content.files.read_small(name)


def metadata_entry(wheel: Path) -> dict[str, str | None]:
    """What a manifest keeps of it: the digest of METADATA, and the Pythons it asks for (None when not stated)."""
    content = core_metadata(wheel)
    headers = BytesHeaderParser().parsebytes(content)
    return {"sha256": hashlib.sha256(content).hexdigest(), "requires_python": headers["Requires-Python"]}
