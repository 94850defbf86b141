"""Where the members of a wheel would land: below deepspeed/, its own metadata and its scripts, and nowhere else."""

from __future__ import annotations

import re
import stat
import zipfile
from collections.abc import Iterator, Mapping

from scripts.verify.check import Verdict, verdict
from scripts.wheel.content import WheelContent

# what Windows does not take as a file's name, whatever follows the dot
RESERVED = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?|.*[. ]", re.IGNORECASE)
UNUSUAL = re.compile(r'[\x00-\x1f\\:*?"<>|]')  # a drive, another way to write a folder, or no name on Windows

SPECIAL = stat.S_ISUID | stat.S_ISGID | stat.S_ISVTX
LONGEST_NAME = 255  # bytes of one name, on every system
LONGEST_PATH = 180  # of the 260 letters of Windows; DeepSpeed's longest takes 109


def check_member_paths(content: WheelContent) -> Verdict:
    """Every member is a file that installing the wheel puts where one of DeepSpeed belongs."""
    faults = (fault for _, fault in misplaced(content))
    return verdict(faults, f"{len(content.members)} files below deepspeed/ and its metadata")


def misplaced(content: WheelContent) -> Iterator[tuple[str, str]]:
    """The members that belong nowhere in a DeepSpeed wheel, each with the reason."""
    entries = content.files.zip.infolist()
    files = {entry.orig_filename.casefold() for entry in entries if not _is_folder(entry)}
    folded: dict[str, str] = {}
    for entry in entries:
        if fault := _fault(entry, content, files, folded):
            yield entry.filename, fault
        elif not _is_folder(entry):
            folded[entry.orig_filename.casefold()] = entry.orig_filename


def _fault(entry: zipfile.ZipInfo, content: WheelContent, files: set[str], folded: Mapping[str, str]) -> str:
    name = entry.orig_filename.rstrip("/")
    if any(part in ("", ".", "..") or UNUSUAL.search(part) or RESERVED.fullmatch(part) for part in name.split("/")):
        return f"{name!r} is no path that every system unpacks inside of the environment"
    if len(name) > LONGEST_PATH or any(len(part.encode()) > LONGEST_NAME for part in name.split("/")):
        return f"{name[:40] + '…'!r} is too long: below an environment Windows has room for {LONGEST_PATH} letters"
    if not (_folder_has_place(name, content) if _is_folder(entry) else _has_place(name, content)):
        return f"{name!r} would be installed outside of deepspeed/"
    if entry.external_attr >> 16 & SPECIAL:
        return f"{name!r} asks for another user's rights, or a sticky bit"
    if stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
        return f"{name!r} is a link or a device"
    if _is_folder(entry):
        return ""
    if stat.S_ISDIR(entry.external_attr >> 16):
        return f"{name!r} is marked as a folder"
    if name.casefold() in folded:
        return f"{name!r} and {folded[name.casefold()]!r} are one file on Windows"
    file = next((parent for parent in _parents(name) if parent.casefold() in files), "")
    return f"{file!r} is a file and a directory" if file else ""


def _parents(name: str) -> Iterator[str]:
    while name := name.rpartition("/")[0]:
        yield name


def _is_folder(entry: zipfile.ZipInfo) -> bool:
    return entry.filename.endswith("/")  # its own is_dir() fails on an empty name


def _folder_has_place(name: str, content: WheelContent) -> bool:
    """Whether it is a folder in which members of a DeepSpeed wheel have their place."""
    top, _, rest = name.partition("/")
    own = {content.info_folder.removesuffix(".dist-info"), f"deepspeed-{content.version}"}
    is_data = top in {f"{version}.data" for version in own} and rest in ("", "scripts")
    return top == "deepspeed" or top.endswith(".dist-info") or is_data


def _has_place(name: str, content: WheelContent) -> bool:
    """Whether it lies in the package, in the metadata, or among the scripts of this very version."""
    top, _, rest = name.partition("/")
    if not rest:
        return False
    own = {content.info_folder.removesuffix(".dist-info"), f"deepspeed-{content.version}"}
    scripts = {f"{version}.data/scripts" for version in own}
    return top == "deepspeed" or top.endswith(".dist-info") or name.rpartition("/")[0] in scripts
