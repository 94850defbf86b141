"""Where the members of a wheel would land: below deepspeed/, its own metadata and its scripts, and nowhere else."""

from __future__ import annotations

import re
import stat
import zipfile
from collections.abc import Iterator
from pathlib import PurePosixPath

from scripts.verify.check import Verdict, verdict
from scripts.wheel.content import WheelContent

# what Windows does not take as a file's name, whatever follows the dot
RESERVED = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?|.*[. ]", re.IGNORECASE)
UNUSUAL = re.compile(r'[\x00-\x1f\\:*?"<>|]')  # a drive, another way to write a folder, or no name on Windows
# a .pth file beside the package would run whenever Python starts
PLACES = re.compile(r"deepspeed/.+|deepspeed-[^/]+\.dist-info/.+|deepspeed-[^/]+\.data/scripts/[^/]+")


def check_member_paths(content: WheelContent) -> Verdict:
    """Every member is a file that installing the wheel puts where one of DeepSpeed belongs."""
    return verdict(_faults(content.files.zip), f"{len(content.members)} files below deepspeed/ and its metadata")


def _faults(archive: zipfile.ZipFile) -> Iterator[str]:
    folded: dict[str, str] = {}
    names = [entry.orig_filename for entry in archive.infolist()]
    folders = {str(folder).casefold() for name in names for folder in PurePosixPath(name).parents}
    for entry in archive.infolist():
        name = entry.orig_filename.rstrip("/")
        parts = name.split("/")
        if any(part in ("", ".", "..") or UNUSUAL.search(part) or RESERVED.fullmatch(part) for part in parts):
            yield f"{name!r} is no path that every system unpacks inside of the environment"
        elif not entry.is_dir() and not PLACES.fullmatch(name):
            yield f"{name!r} would be installed outside of deepspeed/"
        elif stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
            yield f"{name!r} is a link or a device"
        elif entry.is_dir():
            continue
        elif name.casefold() in folded:
            yield f"{name!r} and {folded[name.casefold()]!r} are one file on Windows"
        elif name.casefold() in folders:
            yield f"{name!r} is a file and a directory"
        folded[name.casefold()] = name
