"""The files of a wheel beside those of its release: what a patch changes is known to the letter, too."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.dirs import default_dirs
from scripts.facts.load import load_facts
from scripts.facts.source_files import LISTING_VARIABLE, SourceListing, patch_digests
from scripts.verify import source_match
from scripts.verify.check import CheckResult
from scripts.verify.promises import Promises
from scripts.verify.source_match import files_of_release
from scripts.verify.static import verify_file
from tests.verify.whole_wheel import WheelParts, linux_parts, source_members

FACTS = load_facts()
P10 = next(patch for patch in FACTS.patches if patch.id == "P10")


@pytest.fixture(autouse=True)
def real_listing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(LISTING_VARIABLE)


def patched() -> WheelParts:
    """A wheel of 0.18.9 with patch P10."""
    parts = linux_parts("0.18.9")
    for edit in P10.edits:
        parts.members[edit.file] = edit.changed(parts.members[edit.file].decode()).encode()
    return parts


def source_check(parts: WheelParts, patches: tuple[str, ...] | None, folder: Path) -> CheckResult:
    checks = verify_file(parts.pack(folder), Promises(patches=patches)).checks
    return next(check for check in checks if check.name == "source files")


@pytest.mark.network
def test_a_patch_is_told_where_nobody_names_it_and_asked_for_where_the_manifest_does(tmp_path: Path) -> None:
    unnamed = source_check(patched(), None, tmp_path)
    assert unnamed.passed
    assert "changed by P10" in unnamed.detail
    assert source_check(patched(), ("P10",), tmp_path).passed
    other = source_check(patched(), (), tmp_path)
    assert (other.passed, "git_version_info.py" in other.detail) == (False, True)
    assert source_check(linux_parts("0.18.9"), ("P10",), tmp_path).passed is False


@pytest.mark.network
def test_a_file_that_is_changed_beyond_the_patch_is_none_of_it(tmp_path: Path) -> None:
    parts = patched()
    parts.members["deepspeed/env_report.py"] += b"import os\n"
    assert source_check(parts, ("P10",), tmp_path).detail == "not as in the source: deepspeed/env_report.py"


@pytest.mark.network
@pytest.mark.parametrize(("patches", "passed"), [(None, None), ((), False)])
def test_a_release_that_is_not_known_is_told_as_such(
    patches: tuple[str, ...] | None, passed: bool | None, tmp_path: Path
) -> None:
    parts = linux_parts()
    for name in list(parts.members):
        content = parts.members.pop(name).replace(b"0.19.8+", b"0.99.0+")
        parts.members[name.replace("0.19.8+", "0.99.0+")] = content
    parts.version, parts.file = "0.99.0+cputorch2.13", parts.file.replace("0.19.8", "0.99.0")
    check = source_check(parts, patches, tmp_path)
    assert check.passed is passed
    assert "0.99.0 is not a release known here" in check.detail


@pytest.mark.network
def test_where_the_listing_is_another_sdists_the_cached_one_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    source_members("0.19.8")  # downloaded at the latest here
    listed = files_of_release("0.19.8")
    empty = SourceListing(patches=patch_digests(FACTS.patches), releases={})
    monkeypatch.setattr(source_match, "read_source_listing", lambda path: empty)
    assert (default_dirs().sources / "deepspeed-0.19.8.tar.gz").is_file()
    assert files_of_release("0.19.8") == listed
    assert files_of_release("0.99.0") is None
