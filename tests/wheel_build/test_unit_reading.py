"""What a reading looks for: a header that begins to exist where the compiler would have found it is never missed."""

from __future__ import annotations

from collections.abc import Mapping
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


def digests(
    folder: Path, added: str, *, of_cl: bool = False, tree: Mapping[str, str] = TREE
) -> tuple[str | None, str | None]:
    """The digest of what a compile read, before and after a file was added."""
    write_tree(folder, tree)
    searched, files = (folder / "first", folder / "include"), [folder / name for name in tree]
    (folder / "first").mkdir()
    reading = reading_of(files, searched, PLACES, Disk(), of_cl=of_cl)
    assert reading
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


ASKING = {
    "a macro's argument": ("#define HAS(x) __has_include(x)\n#if HAS(<asked.h>)\n#endif\n", "first/asked.h"),
    "an argument in quotes": ('#if FMT_HAS_INCLUDE("asked.h")\n#endif\n', "csrc/asked.h"),
    "a macro that is a name": ("#define H <asked.h>\n#if __has_include(H)\n#endif\n", "first/asked.h"),
    "a line that goes on": ("#if __has_include( \\\n <asked.h>)\n#endif\n", "first/asked.h"),
    "a comment of two lines": ("#if __has_include(/* a\n b */<asked.h>)\n#endif\n", "first/asked.h"),
    "a digraph": ('%:include "asked.h"\n', "csrc/asked.h"),
    "a blank in the name": ("#if __has_include(< asked.h>)\n#endif\n", "first/ asked.h"),
    "a macro in quotes": ('#define H "macro.h"\n#include H\n', "csrc/macro.h"),
    "a name made of words": ("#define TEXT(x) #x\n#include TEXT(macro.h)\n", "csrc/macro.h"),
    "other blanks": ('#if __has_include(\f"asked.h")\n#endif\n#\vinclude\f"asked.h"\n', "csrc/asked.h"),
    "a line that goes on behind blanks": ("#if __has_include( \\ \n <asked.h>)\n#endif\n", "first/asked.h"),
    "a macro with a strange name": ("#define H <asked@2~.h>\n#if __has_include(H)\n#endif\n", "first/asked@2~.h"),
    "a macro with a blank in the name": ("#define H <as ked.h>\n#if __has_include(H)\n#endif\n", "first/as ked.h"),
    "a lone quote before the name": ('#if /* "it */ HAS("asked.h")\n#endif\n', "csrc/asked.h"),
    "a comparison before the name": ("#if 1 <2 && 3>2 && HAS(<asked.h>)\n#endif\n", "first/asked.h"),
    "an embedded file": ("#if __has_embed(<asked.bin>)\n#endif\n", "first/asked.bin"),
}


@pytest.mark.parametrize("way", ASKING)
def test_every_way_to_ask_for_a_name_is_understood(tmp_path: Path, way: str) -> None:
    text, added = ASKING[way]
    before, after = digests(tmp_path, added, tree={"csrc/unit.cpp": text, "include/macro.h": ""})
    assert before != after


def test_a_path_that_begins_at_the_root_is_looked_for_there(tmp_path: Path) -> None:
    text = f"#if __has_include(<{tmp_path}/elsewhere/asked.h>)\n#endif\n"
    before, after = digests(tmp_path, "elsewhere/asked.h", tree={"csrc/unit.cpp": text})
    assert before != after


def test_only_a_file_is_found(tmp_path: Path) -> None:
    """A folder, or a link that leads nowhere, is none: when one comes to stand there it is noticed."""
    for name in ("folder.h", "link.h"):
        files = write_files(tmp_path / name, {"unit.cpp": f"#include <{name}>\n"})
        first = tmp_path / name / "first"
        first.mkdir()
        reading = reading_of(files, (first,), PLACES, Disk())
        assert reading
        before = content_digest(reading, (first,), PLACES, Disk())
        (first / "folder.h").mkdir()
        (first / "link.h").symlink_to(tmp_path / "nowhere")
        assert content_digest(reading, (first,), PLACES, Disk()) == before


def write_files(folder: Path, tree: Mapping[str, str]) -> list[Path]:
    """The files of the tree, now in the folder."""
    return [write_tree(folder, tree) / name for name in tree]


UNLISTED = (
    'asm(".incbin \\"data\\"");\n',
    'asm(".include \\"more.s\\"");\n',
    "const char* made = __DATE__ __TIME__;\n",
    "#define P(x) <pre/x.h>\n#if __has_include(P(late))\n#endif\n",
)


@pytest.mark.parametrize("text", UNLISTED)
def test_what_takes_in_more_than_a_list_tells_is_not_kept(tmp_path: Path, text: str) -> None:
    files = write_files(tmp_path, {"unit.cpp": '#include "inner.h"\n', "inner.h": text})
    assert reading_of(files, (), PLACES, Disk()) is None


@pytest.mark.parametrize("text", ["int include = x.include;\n", "#define HAS(x) __has_include(x)\n"])
def test_what_only_looks_like_it_is_kept(tmp_path: Path, text: str) -> None:
    assert reading_of(write_files(tmp_path, {"unit.cpp": text}), (), PLACES, Disk())


@pytest.mark.parametrize("made", ["include/deep/inner.h.gch", "csrc/own.h.gch"])
def test_what_may_come_from_a_header_that_somebody_precompiled_is_not_kept(tmp_path: Path, made: str) -> None:
    """GCC takes it unseen, though the header has changed since, and lists neither."""
    files = write_files(tmp_path, {"csrc/unit.cpp": '#include <deep/inner.h>\n#include "own.h"\n', "csrc/own.h": ""})
    assert reading_of(files, (tmp_path / "include",), PLACES, Disk())
    write_tree(tmp_path, {made: ""})
    assert reading_of(files, (tmp_path / "include",), PLACES, Disk()) is None


def test_a_name_is_found_in_a_folder_that_may_be_searched_and_not_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(folder: Path) -> None:
        raise PermissionError(13, "Permission denied", str(folder))

    write_tree(tmp_path, {"deep/inner.h": ""})
    monkeypatch.setattr("scripts.wheel_build.unit_reading.os.scandir", refuse)
    assert Disk().present(tmp_path, {"deep": ["deep/inner.h"], "other.h": ["other.h"]}) == ["deep/inner.h"]
