"""What was lost or changed since it was stamped is never taken for whole."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from scripts.stamp import (
    STAMP,
    damage_of,
    discard_file,
    is_as_stamped,
    missing_from,
    read_record,
    stamp_file,
    stamp_tree,
    stamped_note,
    write_record,
)
from tests.wheel_build.factories import write_tree

FILES = {"setup.py": "print(1)\n", "deep/er/file.h": "#define A 1\n", "empty": "", "own.egg-info/SOURCES.txt": "a\n"}
LONG_AGO = 1_700_000_000.5
posix = pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = write_tree(tmp_path / "tree", FILES)
    stamp_tree(root, {"of": "test"}, without=["*.egg-info/*"])
    return root


def test_an_untouched_tree_is_whole_and_gives_its_note_back(tree: Path) -> None:
    assert damage_of(tree) == ""
    assert stamped_note(tree) == {"of": "test"}


def test_more_files_and_those_that_may_change_are_no_damage(tree: Path) -> None:
    (tree / "build.log").write_text("more")
    (tree / "own.egg-info" / "SOURCES.txt").write_text("another")
    assert damage_of(tree) == ""


@pytest.mark.parametrize("name", ["setup.py", "deep/er/file.h", "empty"])
def test_a_lost_file_is_named(tree: Path, name: str) -> None:
    (tree / name).unlink()
    assert damage_of(tree) == f"{name} is missing"
    assert missing_from(tree) == f"{name} is missing"


@pytest.mark.parametrize("name", ["setup.py", "deep/er/file.h"])
def test_a_cut_and_a_flipped_file_are_named(tree: Path, name: str) -> None:
    content = bytearray((tree / name).read_bytes())
    (tree / name).write_bytes(content[:-1])
    assert damage_of(tree) == f"{name} has {len(content) - 1} bytes instead of {len(content)}"
    content[3] ^= 1
    (tree / name).write_bytes(content)
    assert damage_of(tree) == f"{name} has other content"
    assert missing_from(tree) == ""


def test_a_change_that_keeps_size_and_time_is_found_where_every_byte_is_read(tree: Path) -> None:
    """As when a disk is faulty."""
    os.utime(tree / "setup.py", (LONG_AGO, LONG_AGO))
    stamp_tree(tree, {})
    (tree / "setup.py").write_text("print(2)\n")
    os.utime(tree / "setup.py", (LONG_AGO, LONG_AGO))
    assert damage_of(tree) == ""
    assert damage_of(tree, every_byte=True) == "setup.py has other content"


def test_a_file_in_place_of_a_folder_is_damage(tree: Path) -> None:
    (tree / "deep" / "er" / "file.h").unlink()
    (tree / "deep" / "er").rmdir()
    (tree / "deep" / "er").write_text("a file")
    assert damage_of(tree) == "deep/er/file.h is missing"


def test_many_faults_are_named_in_part_and_counted(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "tree", {f"{number}": "x" for number in range(9)})
    stamp_tree(root, {})
    for number in range(9):
        (root / f"{number}").unlink()
    assert damage_of(root).endswith(" is missing and 6 more")


def test_other_times_alone_are_no_damage(tree: Path) -> None:
    """A cache of hosted jobs keeps whole seconds; a copy may keep none."""
    os.utime(tree / "setup.py", (LONG_AGO, LONG_AGO))
    stamp_tree(tree, {})
    for moment in (int(LONG_AGO), 1):
        os.utime(tree / "setup.py", (moment, moment))
        assert damage_of(tree) == ""


def test_a_change_right_after_stamping_is_found_though_the_clock_of_the_disk_is_coarse(tree: Path) -> None:
    found = (tree / "setup.py").stat()
    (tree / "setup.py").write_text("print(2)\n")
    os.utime(tree / "setup.py", ns=(found.st_atime_ns, found.st_mtime_ns))
    assert damage_of(tree) == "setup.py has other content"


@pytest.mark.parametrize("content", [None, b"", b"{", b"[]", b'{"record": {}, "sha256": "0"}', b"\xff"])
def test_a_tree_without_a_valid_stamp_is_damaged(tree: Path, content: bytes | None) -> None:
    (tree / STAMP).unlink()
    if content is not None:
        (tree / STAMP).write_bytes(content)
    assert damage_of(tree) == "it has no valid stamp"
    assert stamped_note(tree) is None


@posix
def test_a_link_is_compared_by_where_it_leads_and_not_followed(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "tree", {"lib/a.so": "a"})
    (root / "lib64").symlink_to("lib")
    stamp_tree(root, {})
    assert damage_of(root) == ""
    (root / "lib64").unlink()
    (root / "lib64").symlink_to("..")
    assert damage_of(root) == "lib64 is another link"


def test_every_flipped_byte_of_a_record_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    record = {"op": "fused_adam", "seconds": 1.5, "sha256": "ab" * 4, "peaks": {"nvcc": 7}}
    write_record(path, record)
    content = path.read_bytes()
    for place in range(len(content)):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        assert read_record(path) in (None, record), place  # a blank that became another is no damage
    for end in range(len(content)):
        path.write_bytes(content[:end])
        assert read_record(path) is None
    path.write_text("[" * 100_000)
    assert read_record(path) is None


def test_a_file_is_as_stamped_until_it_or_its_stamp_is_touched(tmp_path: Path) -> None:
    path = tmp_path / "unit.o"
    assert not is_as_stamped(path)
    path.write_bytes(b"object")
    assert not is_as_stamped(path), "the process that wrote it ended before it said so"
    stamp_file(path)
    assert is_as_stamped(path)
    path.write_bytes(b"objecs")
    assert not is_as_stamped(path)
    discard_file(path)
    assert list(tmp_path.iterdir()) == []


def test_a_record_is_plain_json_that_people_can_read(tmp_path: Path) -> None:
    write_record(tmp_path / "record.json", {"op": "fused_adam"})
    assert json.loads((tmp_path / "record.json").read_text())["record"] == {"op": "fused_adam"}
