"""Source archives: nothing lands outside, nothing half unpacked is left."""

from __future__ import annotations

import io
import os
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from scripts.errors import SourceError
from scripts.fetch.archive import unpack
from tests.build.factories import source_members, tar_bytes


def tar_of(path: Path, *members: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for member in members:
            tar.addfile(member, io.BytesIO(b"x" * member.size))
    return path


def entry(name: str, *, kind: bytes = tarfile.REGTYPE, link: str = "", size: int = 3) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, link, size if kind == tarfile.REGTYPE else 0
    return info


def left_beside(folder: Path, archive: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path != archive)


@pytest.mark.parametrize("compression", ["gz", "bz2", "xz"])
def test_a_tar_is_unpacked_without_its_top_folder(tmp_path: Path, compression: str) -> None:
    archive = tmp_path / "a.tar"
    archive.write_bytes(tar_bytes(source_members("0.19.8"), compression=compression))
    unpack(archive, tmp_path / "tree")
    assert (tmp_path / "tree" / "version.txt").read_text() == "0.19.8\n"
    assert left_beside(tmp_path, archive) == ["tree"]


def test_a_zip_is_unpacked_and_what_was_there_before_is_gone(tmp_path: Path) -> None:
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as zipped:
        for name, text in source_members("0.16.5").items():
            zipped.writestr(name, text)
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "old.txt").write_text("old")
    unpack(archive, tmp_path / "tree")
    assert sorted(path.name for path in (tmp_path / "tree").iterdir()) == ["data.txt", "setup.py", "version.txt"]


@pytest.mark.parametrize(
    "bad",
    [
        entry("top/../../evil.txt"),
        entry("top/link", kind=tarfile.SYMTYPE, link="../../evil.txt"),
        entry("top/link", kind=tarfile.LNKTYPE, link="../../evil.txt"),
        entry("top/device", kind=tarfile.CHRTYPE),
    ],
    ids=["dots", "symbolic link", "hard link", "device"],
)
def test_a_tar_member_that_would_leave_the_folder_is_refused(tmp_path: Path, bad: tarfile.TarInfo) -> None:
    archive = tar_of(tmp_path / "a.tar.gz", entry("top/good.txt"), bad)
    with pytest.raises(SourceError, match=r"a\.tar\.gz"):
        unpack(archive, tmp_path / "tree")
    assert left_beside(tmp_path, archive) == []


@pytest.mark.parametrize("name", ["top/../../evil.txt", "/evil.txt", "top\\..\\..\\evil.txt", "C:/evil.txt"])
def test_a_zip_member_that_would_leave_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("top/good.txt", "good")
        zipped.writestr(name, "evil")
    with pytest.raises(SourceError, match="would land outside"):
        unpack(archive, tmp_path / "tree")
    assert left_beside(tmp_path, archive) == []


def test_an_absolute_tar_member_lands_below_or_nowhere(tmp_path: Path) -> None:
    outside = tmp_path / "outside.txt"
    archive = tar_of(tmp_path / "a.tar.gz", entry("top/good.txt"), entry(str(outside)))
    with pytest.raises(SourceError, match=r"expected one top folder|has an absolute path"):  # with a drive, the latter
        unpack(archive, tmp_path / "tree")
    assert left_beside(tmp_path, archive) == []


def test_two_top_folders_are_refused_and_nothing_is_left(tmp_path: Path) -> None:
    archive = tar_of(tmp_path / "a.tar.gz", entry("one/a.txt"), entry("two/b.txt"))
    with pytest.raises(SourceError, match=r"expected one top folder, found \['one', 'two'\]"):
        unpack(archive, tmp_path / "tree")
    assert left_beside(tmp_path, archive) == []


@pytest.mark.parametrize("compression", ["gz", "bz2", "xz"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.99])
def test_a_truncated_tar_is_refused_and_the_old_tree_stays(tmp_path: Path, compression: str, share: float) -> None:
    whole = tar_bytes(source_members("0.19.8"), compression=compression)
    archive = tmp_path / "a.tar"
    archive.write_bytes(whole[: int(len(whole) * share)])
    (tmp_path / "tree").mkdir()
    with pytest.raises(SourceError, match="cannot be unpacked"):
        unpack(archive, tmp_path / "tree")
    assert left_beside(tmp_path, archive) == ["tree"]


@pytest.mark.parametrize("compression", ["gz", "bz2", "xz"])
def test_a_tar_with_flipped_bytes_is_refused(tmp_path: Path, compression: str) -> None:
    damaged = bytearray(tar_bytes(source_members("0.19.8"), compression=compression))
    middle = len(damaged) // 2
    damaged[middle : middle + 40] = bytes(255 - byte for byte in damaged[middle : middle + 40])
    archive = tmp_path / "a.tar"
    archive.write_bytes(damaged)
    with pytest.raises(SourceError, match="cannot be unpacked"):
        unpack(archive, tmp_path / "tree")
    assert left_beside(tmp_path, archive) == []


def test_a_zip_with_flipped_bytes_is_refused(tmp_path: Path) -> None:
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, text in source_members("0.16.5").items():
            zipped.writestr(name, text)
    damaged = bytearray(archive.read_bytes())
    damaged[3000:3040] = bytes(255 - byte for byte in damaged[3000:3040])
    archive.write_bytes(damaged)
    with pytest.raises(SourceError, match="cannot be unpacked"):
        unpack(archive, tmp_path / "tree")
    assert left_beside(tmp_path, archive) == []


def test_a_page_of_html_is_no_archive(tmp_path: Path) -> None:
    archive = tmp_path / "a.tar.gz"
    archive.write_text("<html>please log in</html>")
    with pytest.raises(SourceError, match="delete it and run again"):
        unpack(archive, tmp_path / "tree")


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps no such mode; a name's ending says what is a program")
def test_an_executable_file_stays_executable(tmp_path: Path) -> None:
    script = entry("top/run.sh")
    script.mode = 0o755
    unpack(tar_of(tmp_path / "a.tar.gz", script), tmp_path / "tree")
    assert (tmp_path / "tree" / "run.sh").stat().st_mode & stat.S_IXUSR
