"""Source archives: nothing lands outside, nothing half unpacked is left."""

from __future__ import annotations

import errno
import io
import os
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from scripts.errors import SourceError
from scripts.fetch.archive import merge, unpack
from tests.wheel_build.factories import source_members, tar_bytes


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
    with pytest.raises(SourceError, match=r"expected one top directory|would land outside"):  # with a drive, the latter
        unpack(archive, tmp_path / "tree")
    assert left_beside(tmp_path, archive) == []


def test_two_top_folders_are_refused_and_nothing_is_left(tmp_path: Path) -> None:
    archive = tar_of(tmp_path / "a.tar.gz", entry("one/a.txt"), entry("two/b.txt"))
    with pytest.raises(SourceError, match=r"expected one top directory, found \['one', 'two'\]"):
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


# ---------------------------------------------------------------- parts of an archive, and several into one folder


def test_members_that_are_not_wanted_stay_packed(tmp_path: Path) -> None:
    names = ["top/lib/big_static.a", "top/lib/deep/big_static.a", "top/lib/small.so", "top/include/lib_static.h"]
    unpack(tar_of(tmp_path / "a.tar.gz", *(entry(name) for name in names)), tmp_path / "t", without=["lib/*_static.a"])
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as zipped:
        for name in names:
            zipped.writestr(name, "x")
    unpack(tmp_path / "a.zip", tmp_path / "z", without=["lib/*_static.a"])
    for folder in ("t", "z"):
        found = sorted(p.relative_to(tmp_path / folder).as_posix() for p in (tmp_path / folder).rglob("*.*"))
        assert found == ["include/lib_static.h", "lib/small.so"]


@pytest.mark.parametrize("name", ["C:/evil.txt", "c:evil.txt"])
def test_a_tar_member_on_another_drive_is_refused(tmp_path: Path, name: str) -> None:
    archive = tar_of(tmp_path / "a.tar.gz", entry("top/good.txt"), entry(name))
    with pytest.raises(SourceError, match="would land outside"):
        unpack(archive, tmp_path / "tree")
    assert left_beside(tmp_path, archive) == []


def test_a_link_out_of_a_zip_is_only_a_text(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("top/link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as zipped:
        zipped.writestr(link, "../../evil.txt")
    unpack(tmp_path / "a.zip", tmp_path / "tree")
    assert not (tmp_path / "tree" / "link").is_symlink()


def test_a_full_disk_is_not_taken_for_a_damaged_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*rest: object, **options: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tarfile.TarFile, "extractall", full)
    with pytest.raises(SourceError, match="is full; free some"):
        unpack(tar_of(tmp_path / "a.tar.gz", entry("top/a.txt")), tmp_path / "tree")


def test_folders_that_both_have_become_one_and_the_later_file_counts(tmp_path: Path) -> None:
    for folder, names in (("one", ["lib/a.so", "lib/same", "bin/nvcc"]), ("two", ["lib/b.so", "lib/same", "nvvm/x"])):
        for name in names:
            path = tmp_path / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(folder)
    merge(tmp_path / "two", tmp_path / "one")
    found = {p.relative_to(tmp_path / "one").as_posix(): p.read_text() for p in (tmp_path / "one").rglob("*.*")}
    assert found == {"lib/a.so": "one", "lib/b.so": "two"}
    assert (tmp_path / "one" / "lib" / "same").read_text() == "two"
    assert (tmp_path / "one" / "nvvm" / "x").is_file()
    assert not (tmp_path / "two").exists()


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")
def test_links_are_moved_as_links(tmp_path: Path) -> None:
    (tmp_path / "one" / "lib").mkdir(parents=True)
    (tmp_path / "two" / "lib").mkdir(parents=True)
    (tmp_path / "two" / "lib" / "libx.so").symlink_to("libx.so.1")
    (tmp_path / "two" / "lib" / "libx.so.1").write_text("x")
    merge(tmp_path / "two", tmp_path / "one")
    assert (tmp_path / "one" / "lib" / "libx.so").readlink() == Path("libx.so.1")
    assert (tmp_path / "one" / "lib" / "libx.so").read_text() == "x"
