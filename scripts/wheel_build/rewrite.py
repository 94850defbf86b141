"""Rewrites a wheel so that the same content always gives the same bytes, with what we have to say in its metadata."""

from __future__ import annotations

import csv
import hashlib
import io
import re
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from scripts.errors import PackageError
from scripts.files import draft_of, record_digest

REQUIRES = "Requires-Dist: "
EXECUTABLE, PLAIN = 0o100755, 0o100644
LICENCES = "licenses/"  # below .dist-info/, where PEP 639 has them; older setuptools put them beside METADATA
LICENCE = re.compile(r"(?:licenses/)?((?:LICEN[CS]E|COPYING|NOTICE|AUTHORS)[^/]*)", re.IGNORECASE)
OLDEST_METADATA = "2.4"  # that knows License-Expression
OF_LICENCES = ("License:", "License-Expression:", "License-File:", "Classifier: License ::")
DYNAMIC = ("Dynamic: license",)  # it is no more


@dataclass(frozen=True, kw_only=True)
class WheelEdit:
    """What the rewritten wheel must say."""

    pins: dict[str, str]  # distribution -> the requirement that replaces upstream's
    added: tuple[str, ...]  # requirements that upstream forgets
    stamp: date  # the time of every member
    tag: str  # "cp311-cp311-linux_x86_64"


@dataclass(frozen=True, kw_only=True)
class Description:
    """What a wheel says of its making: files of its metadata, and the licences of all that is inside."""

    expression: str  # "Apache-2.0 AND BSD-3-Clause"
    files: Mapping[str, bytes]  # below .dist-info/


Describe = Callable[[Sequence[str], Mapping[str, bytes]], Description]  # of members, and upstream's licences


def rewrite_wheel(source: Path, directory: Path, name: str, edit: WheelEdit, describe: Describe) -> Path:
    """A new wheel `directory/name` with the members of `source` sorted, fixed times and modes, RECORD made anew.

    `describe` makes what it says of its making. Raises PackageError when the wheel has no METADATA or lacks a
    requirement that must be pinned.
    """
    members, modes = _read(source)
    info_folder = _dist_info(members, source)
    members.pop(f"{info_folder}/RECORD", None)
    licences = {f"{LICENCES}{file}": data for file, data in _licences(members, info_folder).items()}
    described = describe(sorted(name for name in members if not name.startswith(f"{info_folder}/")), licences)
    own = {**licences, **described.files}
    members |= {f"{info_folder}/{path}": data for path, data in own.items()}
    metadata = members[f"{info_folder}/METADATA"].decode("utf-8").replace("\r\n", "\n")  # written on Windows
    files = sorted(path.removeprefix(LICENCES) for path in own if path.startswith(LICENCES))
    stated = state_licences(edit_metadata(metadata, edit), described.expression, files)
    members[f"{info_folder}/METADATA"] = stated.encode("utf-8")
    members[f"{info_folder}/WHEEL"] = _wheel_text(members[f"{info_folder}/WHEEL"].decode("utf-8"), edit.tag).encode()
    record = f"{info_folder}/RECORD"
    members[record] = _record(members, record)
    names = sorted(members, key=lambda name: (name.startswith(info_folder), name == record, name))
    with (
        draft_of(directory / name) as draft,
        zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as new,
    ):
        for member in names:
            new.writestr(_zip_info(member, modes.get(member, PLAIN), edit.stamp), members[member])
    return directory / name


def _read(source: Path) -> tuple[dict[str, bytes], dict[str, int]]:
    """Content and mode of every file in the wheel."""
    try:
        with zipfile.ZipFile(source) as old:
            files = [info for info in old.infolist() if not info.is_dir()]
            return {info.filename: old.read(info) for info in files}, {info.filename: _mode(info) for info in files}
    except (zipfile.BadZipFile, zlib.error) as error:
        raise PackageError(f"{source.name}: cannot be read: {error}; build it again") from None


def _licences(members: dict[str, bytes], info_folder: str) -> dict[str, bytes]:
    """Upstream's licences by their names, taken out of the members."""
    found = {name: LICENCE.fullmatch(name.removeprefix(f"{info_folder}/")) for name in members}
    return {match[1]: members.pop(name) for name, match in found.items() if match}


def state_licences(text: str, expression: str, files: Sequence[str]) -> str:
    """METADATA that states the licences as PEP 639 has it, and nothing else of licences."""
    head, gap, body = text.partition("\n\n")
    kept = [line for line in head.splitlines() if not line.startswith((*OF_LICENCES, *DYNAMIC))]
    version = next((line for line in kept if line.startswith("Metadata-Version: ")), "Metadata-Version: 0")
    newest = max(Version(version.partition(": ")[2]), Version(OLDEST_METADATA))
    stated = [f"License-Expression: {expression}", *(f"License-File: {file}" for file in files)]
    others = [line for line in kept if line != version]
    first = [line for line in others if line.startswith(("Name: ", "Version: "))]
    rest = [line for line in others if line not in first]
    return "\n".join([f"Metadata-Version: {newest}", *first, *stated, *rest]) + gap + body


def edit_metadata(text: str, edit: WheelEdit) -> str:
    """METADATA with the pins and additions; extras and their requirements in a fixed order."""
    head, gap, body = text.partition("\n\n")
    lines = head.splitlines()
    requirements = [_pin(line.removeprefix(REQUIRES), edit.pins) for line in lines if line.startswith(REQUIRES)]
    unpinned = sorted(name for name, pin in edit.pins.items() if pin not in requirements)
    if unpinned:
        raise PackageError(f"METADATA requires no {', '.join(unpinned)}: upstream changed; the wheel is not pinned")
    plain = sorted({r for r in [*requirements, *edit.added] if "extra ==" not in r}, key=str.lower)
    extras = sorted({line for line in lines if line.startswith("Provides-Extra: ")})
    optional = sorted({r for r in requirements if "extra ==" in r}, key=lambda r: (r.split("extra ==")[1], r.lower()))
    kept = [line for line in lines if not line.startswith((REQUIRES, "Provides-Extra: "))]
    return "\n".join([*kept, *(REQUIRES + r for r in plain), *extras, *(REQUIRES + r for r in optional)]) + gap + body


def _pin(requirement: str, pins: dict[str, str]) -> str:
    try:
        parsed = Requirement(requirement)
    except InvalidRequirement:
        return requirement
    name = canonicalize_name(parsed.name)
    return pins[name] if name in pins and parsed.marker is None else requirement


def _wheel_text(text: str, tag: str) -> str:
    kept = [
        line for line in text.strip().splitlines() if not line.startswith(("Tag: ", "Root-Is-Purelib: ", "Build: "))
    ]
    return "\n".join([*kept, "Root-Is-Purelib: false", f"Tag: {tag}"]) + "\n"


def _dist_info(members: dict[str, bytes], source: Path) -> str:
    match = next(
        (re.fullmatch(r"([^/]+\.dist-info)/METADATA", name) for name in members if name.endswith("/METADATA")), None
    )
    if not match or f"{match[1]}/WHEEL" not in members:
        raise PackageError(f"{source.name}: no METADATA and WHEEL inside: it is not a wheel")
    return match[1]


def _record(members: dict[str, bytes], record: str) -> bytes:
    rows: list[Sequence[str]] = []
    for name in sorted(members):
        digest = record_digest(hashlib.sha256(members[name]).digest())
        rows.append((name, f"sha256={digest}", str(len(members[name]))))
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([*rows, (record, "", "")])
    return text.getvalue().encode("utf-8")


def _mode(info: zipfile.ZipInfo) -> int:
    return EXECUTABLE if (info.external_attr >> 16) & 0o111 else PLAIN


def _zip_info(name: str, mode: int, stamp: date) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, (max(stamp.year, 1980), stamp.month, stamp.day, 0, 0, 0))
    info.external_attr = mode << 16
    info.compress_type = zipfile.ZIP_DEFLATED
    info.create_system = 3
    return info
