"""A wheel that is broken in one way is refused by the check that is there for it, and by no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.errors import InputError
from scripts.facts.source_files import LISTING_VARIABLE
from scripts.verify.promises import Promises
from scripts.verify.static import verify_file
from tests.verify.makers import (
    LINUX_MAKERS,
    LINUX_PROMISES,
    NOT_OPENED,
    WINDOWS_MAKERS,
    WINDOWS_PROMISES,
    Maker,
)
from tests.verify.whole_wheel import WheelParts, linux_parts, windows_parts

pytestmark = pytest.mark.network  # the sdists of two releases, where the cache lacks them


@pytest.fixture(autouse=True)
def real_listing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(LISTING_VARIABLE)


def refused_by(parts: WheelParts, promises: Promises, folder: Path) -> dict[str, str]:
    """The checks that refuse the wheel, with their words."""
    try:
        return {check.name: check.detail for check in verify_file(parts.pack(folder), promises).failed}
    except InputError as error:
        return {NOT_OPENED if error.id == "wheel-damaged" else error.id: str(error)}


@pytest.mark.parametrize("maker", LINUX_MAKERS.values(), ids=LINUX_MAKERS.keys())
def test_a_broken_linux_wheel_is_refused_by_its_check_alone(maker: Maker, tmp_path: Path) -> None:
    parts = linux_parts()
    maker.change(parts)
    found = refused_by(parts, maker.promises or LINUX_PROMISES, tmp_path)
    assert list(found) == [maker.check], found


@pytest.mark.parametrize("maker", WINDOWS_MAKERS.values(), ids=WINDOWS_MAKERS.keys())
def test_a_broken_windows_wheel_is_refused_by_its_check_alone(maker: Maker, tmp_path: Path) -> None:
    parts = windows_parts()
    maker.change(parts)
    found = refused_by(parts, maker.promises or WINDOWS_PROMISES, tmp_path)
    assert list(found) == [maker.check], found


@pytest.mark.parametrize(
    "release", ["0.14.5", "0.15.4", "0.16.4", "0.16.5", "0.16.9", "0.17.6", "0.18.9", "0.19.7", "0.19.8"]
)
def test_a_whole_wheel_passes_on_either_system(release: str, tmp_path: Path) -> None:
    for parts, promises in ((linux_parts(release), LINUX_PROMISES), (windows_parts(release), WINDOWS_PROMISES)):
        assert refused_by(parts, promises, tmp_path) == {}


def test_there_are_enough_of_them() -> None:
    assert len(LINUX_MAKERS) + len(WINDOWS_MAKERS) >= 300
    assert len({*LINUX_MAKERS, *WINDOWS_MAKERS}) >= 150
