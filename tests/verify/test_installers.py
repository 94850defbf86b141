"""What pip and uv make of wheels that concern them, measured on each; what either refuses or spoils, we refuse."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.errors import InputError
from scripts.verify.static import verify_file
from tests.verify.installer_trial import INSTALLERS, TRIALS, small_parts

# Installed by both, and refused here all the same: of a link they make a plain file, backslashes are folders on Windows
# alone, and both go by RECORD when they uninstall.
LENIENT = {
    "a metadata version of the future",
    "a file unlisted",
    "a link",
    "a wrong hash",
    "backslashes",
    "no Root-Is-Purelib",
}
PIP_ALONE = {"another version", "bytes before", "bytes behind", "bzip2", "no range of Python", "no requirement"}
UV_ALONE = {"a path upwards", "an absolute path"}  # uv passes over such a member


@pytest.mark.parametrize("name", TRIALS)
def test_the_check_that_is_there_for_it_refuses_the_wheel(name: str, tmp_path: Path) -> None:
    check, change = TRIALS[name]
    parts = small_parts()
    change(parts)
    try:
        failed = [each.name for each in verify_file(parts.pack(tmp_path)).failed]
    except InputError:
        failed = ["not opened"]
    assert check in failed


@pytest.mark.nightly
@pytest.mark.parametrize("name", TRIALS)
def test_pip_and_uv_do_what_is_written_here(name: str, tmp_path: Path) -> None:
    _, change = TRIALS[name]
    parts = small_parts()
    change(parts)
    wheel = parts.pack(tmp_path)
    found = {client for client, install in INSTALLERS.items() if install(wheel, tmp_path / client)}
    assert found == _takers(name)


def test_both_take_the_whole_one(tmp_path: Path) -> None:
    wheel = small_parts().pack(tmp_path)
    assert all(install(wheel, tmp_path / client) for client, install in INSTALLERS.items())


def _takers(name: str) -> set[str]:
    if name in LENIENT:
        return {"pip", "uv"}
    return {client for client, names in (("pip", PIP_ALONE), ("uv", UV_ALONE)) if name in names}
