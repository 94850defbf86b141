"""What a reading looks for: a header that begins to exist where the compiler would have found it is never missed."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.wheel_build.places import Places
from scripts.wheel_build.unit_reading import Disk, content_digest, reading_of
from tests.wheel_build.factories import write_tree

PLACES = Places(())
TREE = {
    "csrc/unit.cpp": '#include "deep/inner.h"\n',
    "csrc/deep/inner.h": '#include "same.h"\n#include <angled.h>\n',
    "include/same.h": "",
    "include/angled.h": "",
}


def digests(folder: Path, added: str, *, of_cl: bool) -> tuple[str | None, str | None]:
    """The digest of what a compile read, before and after a file was added."""
    write_tree(folder, TREE)
    searched, files = (folder / "include",), [folder / name for name in TREE]
    reading = reading_of(files, searched, PLACES, Disk(), of_cl=of_cl)
    before = content_digest(reading, searched, PLACES, Disk())
    write_tree(folder, {added: "#define OTHER\n"})
    return before, content_digest(reading, searched, PLACES, Disk())


@pytest.mark.parametrize(
    ("added", "of_cl", "counts"),
    [
        ("csrc/deep/same.h", False, True),
        ("csrc/deep/same.h", True, True),
        ("csrc/same.h", True, True),  # beside the file that includes the one that asks
        ("csrc/same.h", False, False),
        ("csrc/deep/other.h", True, False),
    ],
)
def test_cl_finds_a_quoted_name_beside_every_open_file_and_gcc_beside_the_one_that_asks(
    tmp_path: Path, added: str, of_cl: bool, counts: bool
) -> None:
    before, after = digests(tmp_path, added, of_cl=of_cl)
    assert before
    assert (before != after) is counts


def test_a_name_is_found_in_a_folder_as_the_system_tells_names_apart(tmp_path: Path) -> None:
    write_tree(tmp_path, {"Deep/Windows.h": ""})
    found = Disk().present(tmp_path, {"deep": ["deep/windows.h"]})
    assert bool(found) is (tmp_path / "deep/windows.h").exists()
    assert Disk().present(tmp_path, {"Deep": ["Deep/Windows.h", "Deep/absent.h"]}) == ["Deep/Windows.h"]
