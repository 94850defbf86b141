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
SCRIPT = re.compile(r"[^/]+\.data/scripts/([^/]+)")
# what DeepSpeed's commands are called: another one would take the place of pip, or of Python, in the environment
GROUPS = ("[console_scripts]", "[gui_scripts]", "[pytest_randomly.random_seeder]")  # upstream has the last one
COMMAND = re.compile(r"(?:deepspeed|ds)[A-Za-z0-9_.]*")


def check_member_paths(content: WheelContent) -> Verdict:
    """Every member is a file that installing the wheel puts where one of DeepSpeed belongs."""
    faults = [*_faults(content.files.zip), *_entry_points(content.metadata_file("entry_points.txt") or "")]
    return verdict(faults, f"{len(content.members)} files below deepspeed/ and its metadata")


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
        elif (script := SCRIPT.fullmatch(name)) and not COMMAND.fullmatch(script[1]):
            yield f"{name!r} would be a command that is not DeepSpeed's"
        elif stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
            yield f"{name!r} is a link or a device"
        elif entry.is_dir():
            continue
        elif name.casefold() in folded:
            yield f"{name!r} and {folded[name.casefold()]!r} are one file on Windows"
        elif name.casefold() in folders:
            yield f"{name!r} is a file and a directory"
        folded[name.casefold()] = name


def _entry_points(text: str) -> Iterator[str]:
    """Commands that installers make, and code that other programs load by themselves."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and line.strip()[0] not in "#;"]
    for line in lines:
        if line not in GROUPS and not COMMAND.fullmatch(line.partition("=")[0].strip()):
            yield f"entry_points.txt has {line!r}, which is no command of DeepSpeed's"
