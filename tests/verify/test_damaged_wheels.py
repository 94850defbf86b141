"""A wheel that is damaged, on the way or on purpose, is refused by name: no traceback, and no changed one passes."""

from __future__ import annotations

import io
import json
import random
import struct
import zipfile
from pathlib import Path

import pytest

from bench.faults.wheels import damage_wheel
from scripts.commands.verify_options import VerifyOptions
from scripts.commands.verify_task import verify
from scripts.errors import InputError, VerifyError
from scripts.verify.check import Report
from scripts.verify.promises import read_promises
from scripts.verify.static import verify_file
from scripts.wheel.content import open_wheel
from scripts.wheel.members import MOST_BYTES_UNPACKED
from tests.verify.stub_wheel import BUILD_INFO, INFO, MODULE, make_wheel
from tests.wheel.wheelhouse import file_wheel, targets


def outcome(wheel: Path) -> Report | None:
    """The report; None for a wheel that cannot be opened."""
    try:
        return verify_file(wheel)
    except InputError as error:
        return None if error.id == "wheel-damaged" and wheel.name in str(error) else pytest.fail(str(error))


def contents(data: bytes) -> list[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return [(info.filename, archive.read(info)) for info in archive.infolist()]


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("seed", range(3))
def test_a_damaged_wheel_is_refused_and_nothing_escapes(seed: int, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path)
    whole = wheel.read_bytes()
    for number in range(40):
        damaged = damage_wheel(whole, random.Random(f"{seed} {number}"))
        wheel.write_bytes(damaged)
        report = outcome(wheel)
        assert report is None or not report.passed or contents(damaged) == contents(whole), number


def failed(wheel: Path) -> dict[str, str]:
    return {check.name: check.detail for check in verify_file(wheel, read_promises(wheel)).failed}


def with_header(data: bytes, signature: bytes, offset: int, value: int) -> bytes:
    """The zip with another two bytes in its first header of this kind."""
    at = data.index(signature) + offset
    return data[:at] + struct.pack("<H", value) + data[at + 2 :]


@pytest.mark.parametrize(
    ("offset", "value", "reason"),
    [(8, 1, "is encrypted"), (10, 12, "is packed with method 12"), (6, 200, "zip file version 20.0")],
)
def test_a_member_that_not_every_installer_can_unpack_is_refused(
    offset: int, value: int, reason: str, tmp_path: Path
) -> None:
    wheel = make_wheel(tmp_path)
    wheel.write_bytes(with_header(wheel.read_bytes(), b"PK\x01\x02", offset, value))
    with pytest.raises(InputError, match=reason):
        verify_file(wheel)


def test_a_wheel_that_unpacks_to_far_more_than_it_takes_is_refused(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path)
    with zipfile.ZipFile(wheel, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("deepspeed/bomb", bytes(MOST_BYTES_UNPACKED + 1))
    with pytest.raises(InputError, match="deepspeed/bomb would unpack from"), open_wheel(wheel):
        pass


@pytest.mark.parametrize(
    ("content", "member"),
    [
        (b"(" * 5000, BUILD_INFO),
        (b"version=" + b"9" * 10_000, BUILD_INFO),
        (b"x" * 200_000 + b",sha256=,", f"{INFO}/RECORD"),
        (b"Tag: a-b\nTag: \n", f"{INFO}/WHEEL"),
        (b"\x7fELF" + b"\xff" * 60, MODULE),
    ],
)
def test_a_member_that_cannot_be_read_is_a_failed_check(content: bytes, member: str, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path)
    members = dict(contents(wheel.read_bytes()))
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, content if name == member else data)
    assert "RECORD" in failed(wheel)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("deepspeed/a. ", "is no path that every system unpacks"),
        ("deepspeed/__INIT__.py", "are one file on Windows"),
        ("deepspeed/__init__.py/a", "is a file and a directory"),
    ],
)
def test_a_name_that_some_system_cannot_hold_is_found(name: str, reason: str, tmp_path: Path) -> None:
    assert reason in failed(make_wheel(tmp_path, {name: b""}))["member paths"]


def test_what_a_reader_from_the_start_would_find_beside_the_directory_is_found(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path)
    whole = wheel.read_bytes()
    changed = {
        "begins at byte": b"#!/bin/sh\n" + whole,
        "behind its directory": whole + b"more",
        "another size, digest": with_header(whole, b"PK\x03\x04", 14, 7),
        "another name": with_header(whole, b"PK\x03\x04", 30, 0x2E2E),
    }
    for reason, data in changed.items():
        wheel.write_bytes(data)
        assert reason in failed(wheel)["zip"]


def test_a_manifest_that_is_another_files_or_cannot_be_read_fails_the_wheel_beside_it(tmp_path: Path) -> None:
    wheel = file_wheel(tmp_path, targets(1)[0])
    assert "manifest" not in failed(wheel)
    manifest = wheel.with_name(f"{wheel.name}.json")
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "arches": "all"}))
    assert "'all' is not an architecture" in failed(wheel)["manifest"]
    file_wheel(tmp_path, targets(1)[0], wheel={"file": wheel.name, "sha256": "0" * 64, "bytes": 1})
    assert f"is not {'0' * 64}" in failed(wheel)["manifest"]
    with pytest.raises(VerifyError, match="manifest"):
        verify(VerifyOptions(wheel=(str(wheel),)))
