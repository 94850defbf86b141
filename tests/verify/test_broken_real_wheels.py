"""An official Windows wheel, broken: beside its known faults, the check that is there for it refuses it alone."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from copy import copy
from functools import cache
from hashlib import sha256
from pathlib import Path

import pytest

from scripts.errors import InputError
from scripts.facts.source_files import LISTING_VARIABLE
from scripts.verify import modules
from scripts.verify.binaries import read_binary
from scripts.verify.binary import Binary
from scripts.verify.promises import NOTHING_PROMISED
from scripts.verify.static import verify_file
from scripts.wheel.members import Members
from tests.verify.makers import FAMILIES, NOT_OPENED, Change
from tests.verify.whole_wheel import WheelParts, parts_of

pytestmark = [pytest.mark.network, pytest.mark.nightly]
KNOWN = {"torch requirement", "runtime calls", "CPU vector code"}  # faults that it has unbroken
# what only a label, or a pin that the official ones do not have, tells
UNSAID = {"torch requirement", "another torch in the name", "another torch", "another CUDA", "another accelerator"}
MAKERS: Mapping[str, tuple[str, Change]] = {
    f"{check}: {name}": (check, change)
    for check, changes in FAMILIES.items()
    for name, change in changes.items()
    if not {check, name} & UNSAID
}


@pytest.fixture(scope="module")
def official(tmp_path_factory: pytest.TempPathFactory) -> WheelParts:
    """The wheel of 0.16.5, taken apart."""
    folder = tmp_path_factory.mktemp("official")
    words = ["--no-deps", "--only-binary=:all:", "--platform", "win_amd64", "--python-version", "311"]
    argv = [sys.executable, "-m", "pip", "download", "-q", *words, "-d", str(folder), "deepspeed==0.16.5"]
    subprocess.run(argv, check=True)
    return parts_of(next(folder.glob("*.whl")))


@pytest.fixture(autouse=True)
def read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The modules are hardly ever what is broken: each content is taken apart once."""
    monkeypatch.delenv(LISTING_VARIABLE)
    monkeypatch.setattr(modules, "read_binary", read_known)


@cache
def known_binaries() -> dict[tuple[str, str], Binary]:
    """What was read, by member and digest."""
    return {}


def read_known(files: Members, member: str) -> Binary:
    """What the module states of itself, remembered."""
    try:
        key = (member, sha256(files.read(member)).hexdigest())
    except InputError:
        return read_binary(files, member)
    known = known_binaries()
    if key not in known:
        known[key] = read_binary(files, member)
    return known[key]


@pytest.mark.parametrize("name", MAKERS)
def test_a_broken_official_wheel_is_refused_by_its_check_alone(name: str, official: WheelParts, tmp_path: Path) -> None:
    check, change = MAKERS[name]
    parts = copy(official)
    parts.members, parts.modes = dict(official.members), {}
    parts.unrecorded, parts.recorded = set(), {}
    change(parts)
    try:
        failed = {each.name for each in verify_file(parts.pack(tmp_path), NOTHING_PROMISED).failed}
    except InputError:
        failed = {NOT_OPENED}
    assert failed - KNOWN == {check}
