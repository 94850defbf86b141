"""An official Windows wheel, broken: beside its known faults, the check that is there for it refuses it alone."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
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
# the faults that they have unbroken: AVX-512 in the CPU optimizers of the first, no vector code in those of the last
KNOWN = {
    "0.14.5": {"torch requirement", "runtime calls", "CPU instructions"},
    "0.16.5": {"torch requirement", "runtime calls", "CPU vector code"},
}
# what only a label, or a pin that the official ones do not have, tells; and what only our own wheels say of themselves
UNSAID = {"torch requirement", "another torch in the name", "another torch", "another CUDA", "another accelerator"}
UNSAID |= {"bill of materials", "licences"}
MAKERS: Mapping[str, tuple[str, Change]] = {
    f"{check}: {name}": (check, change)
    for check, changes in FAMILIES.items()
    for name, change in changes.items()
    if not {check, name} & UNSAID
}


@dataclass(frozen=True, kw_only=True)
class Official:
    """An official wheel as it is, taken apart, and the faults that it has."""

    file: Path
    parts: WheelParts
    known: set[str]


@pytest.fixture(scope="module", params=KNOWN)
def official(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Official:
    """The wheel of a release for Python 3.11."""
    folder, release = tmp_path_factory.mktemp("official"), str(request.param)
    words = ["--no-deps", "--only-binary=:all:", "--platform", "win_amd64", "--python-version", "311"]
    argv = [sys.executable, "-m", "pip", "download", "-q", *words, "-d", str(folder), f"deepspeed=={release}"]
    subprocess.run(argv, check=True)
    file = next(folder.glob("*.whl"))
    return Official(file=file, parts=parts_of(file), known=KNOWN[release])


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


def test_an_official_wheel_has_the_faults_that_are_known_and_no_other(official: Official) -> None:
    assert {each.name for each in verify_file(official.file, NOTHING_PROMISED).failed} == official.known


@pytest.mark.parametrize("name", MAKERS)
def test_a_broken_official_wheel_is_refused_by_its_check_alone(name: str, official: Official, tmp_path: Path) -> None:
    check, change = MAKERS[name]
    parts = copy(official.parts)
    parts.members, parts.modes = dict(official.parts.members), {}
    parts.unrecorded, parts.recorded = set(), {}
    change(parts)
    try:
        failed = {each.name for each in verify_file(parts.pack(tmp_path), NOTHING_PROMISED).failed}
    except InputError:
        failed = {NOT_OPENED}
    (tmp_path / parts.file).unlink(missing_ok=True)  # 60 MB
    assert failed - official.known == {check}
