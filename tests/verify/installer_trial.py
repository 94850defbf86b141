"""What real installers make of a wheel that is broken in a way which concerns them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from scripts.command import Command, run
from scripts.fetch.installer import find_installer
from tests.verify.makers import (
    Change,
    added,
    header,
    metadata_line,
    misrecorded,
    packed,
    replaced,
    unrecorded,
)
from tests.verify.whole_wheel import WheelParts

INFO = "deepspeed-{v}.dist-info"
VERSION = "0.19.8"


def small_parts() -> WheelParts:
    """A pure wheel that every installer takes."""
    info = INFO.replace("{v}", VERSION)
    members = {
        "deepspeed/__init__.py": b"",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: deepspeed\nVersion: {VERSION}\n\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    return WheelParts(file=f"deepspeed-{VERSION}-py3-none-any.whl", version=VERSION, members=members)


def linked(parts: WheelParts) -> None:
    """A member that is a symbolic link."""
    added("deepspeed/link", b"/etc/passwd", 0o120777)(parts)


def _both(*changes: Change) -> Change:
    def change(parts: WheelParts) -> None:
        for each in changes:
            each(parts)

    return change


# how it is broken -> the check that says so, and whether pip and uv refuse it
TRIALS: Mapping[str, tuple[str, Change]] = {
    "a wheel of version 2": ("installers", replaced(f"{INFO}/WHEEL", "Version: 1.0", "Version: 2.0")),
    "no wheel version": ("installers", replaced(f"{INFO}/WHEEL", "Wheel-Version", "Wheels-Version")),
    "a wheel version that is none": ("installers", replaced(f"{INFO}/WHEEL", "Version: 1.0", "Version: one")),
    "no Root-Is-Purelib": ("installers", replaced(f"{INFO}/WHEEL", "Root-Is-Purelib", "Root-Is-Platlib")),
    "another Python": ("installers", metadata_line("Requires-Python: >=4")),
    "no range of Python": ("installers", metadata_line("Requires-Python: three")),
    "a metadata version of the future": ("installers", replaced(f"{INFO}/METADATA", "n: 2.1", "n: 9.9")),
    "no requirement": ("requirements", metadata_line("Requires-Dist: numpy===")),
    "an absolute path": ("member paths", added("/tmp/evil-{v}.py")),
    "a path upwards": ("member paths", added("../evil.py")),
    "backslashes": ("member paths", added("deepspeed\\evil.py")),
    "a file and a folder": ("member paths", added("deepspeed/__init__.py/evil.py")),
    "a link": ("member paths", linked),
    "a long name": ("member paths", added("deepspeed/" + "x" * 300 + ".py")),
    "another project's metadata": ("file name and metadata", added("torch-2.0.dist-info/METADATA", b"Name: torch\n")),
    "another version": ("file name and metadata", replaced(f"{INFO}/METADATA", "Version: 0.19.8", "Version: 0.19.7")),
    "no RECORD": ("RECORD", unrecorded(f"{INFO}/RECORD")),
    "a file unlisted": ("RECORD", _both(added("deepspeed/more.py"), unrecorded("deepspeed/more.py"))),
    "a wrong hash": ("RECORD", misrecorded("deepspeed/__init__.py", b"other")),
    "bytes before": ("zip", packed(lambda data: b"#!/bin/sh\n" + data)),
    "bytes behind": ("zip", packed(lambda data: data + b"more")),
    "another name in front": ("zip", header(b"PK\x03\x04", 30, 0x2E2E)),
    "bzip2": ("not opened", header(b"PK\x01\x02", 10, 12)),
    "encrypted": ("not opened", header(b"PK\x01\x02", 8, 1)),
}


def pip_installs(wheel: Path, folder: Path) -> bool:
    """Whether pip installs it into the folder."""
    words = ("install", "-q", "--no-deps", "--no-index", "--disable-pip-version-check", "--target", str(folder))
    return _succeeds((sys.executable, "-m", "pip", *words, str(wheel)))


def uv_installs(wheel: Path, folder: Path) -> bool:
    """Whether uv installs it into the folder."""
    words = ("pip", "install", "-q", "--no-deps", "--no-index", "--no-cache", "--offline", "--target", str(folder))
    return _succeeds((find_installer().uv or "uv", *words, "--python", sys.executable, str(wheel)))


def _succeeds(argv: tuple[str, ...]) -> bool:
    return run(Command(argv=argv)).exit_code == 0


INSTALLERS: Mapping[str, Callable[[Path, Path], bool]] = {"pip": pip_installs, "uv": uv_installs}
