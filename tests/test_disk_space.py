"""A full or read-only disk is an error with the path, the numbers and what to do, before the work and on the way."""

from __future__ import annotations

import errno
import os
import shutil
import sys
from collections import namedtuple
from contextlib import suppress
from pathlib import Path

import pytest

from scripts.command import Command, Outcome, check
from scripts.commands.reported_errors import reported
from scripts.disk_space import (
    Place,
    bytes_in,
    disk_error,
    disk_errors,
    located,
    require_room,
    require_writable,
    said_full,
    shortages,
    why_not_writable,
)
from scripts.errors import CommandError, PrerequisiteError, WheelsError
from scripts.fetch import archive
from scripts.files import write_tree, write_whole
from scripts.publish.store_directory import DirectoryStore

Usage = namedtuple("Usage", "total used free")
posix = pytest.mark.skipif(sys.platform == "win32", reason="/dev/full is of Linux")


def place(directory: Path, size: int = 0, there: Path | None = None) -> Place:
    return Place(
        directory=directory, bytes=size, what="a thing", moved_by=f"{directory.name.upper()} names another", there=there
    )


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Every disk has 100 MB left."""
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**9, 9 * 10**8, 10**8))
    return monkeypatch


def test_places_on_one_disk_are_added_and_each_is_named_with_what_moves_it(
    room: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    places = [place(tmp_path / "cache", 60_000_000), place(tmp_path / "output", 50_000_000), place(tmp_path / "logs")]
    with pytest.raises(PrerequisiteError) as caught:
        require_room("the target", places)
    assert (caught.value.id, caught.value.exit_code) == ("disk-full", 14)
    lines = str(caught.value).splitlines()
    assert lines[0] == "the target: nothing was begun"
    assert lines[1].endswith("has 100 MB free, and 110 MB are needed there:")
    assert lines[2:4] == [
        f"    60 MB for a thing in {tmp_path / 'cache'} (CACHE names another)",
        f"    50 MB for a thing in {tmp_path / 'output'} (OUTPUT names another)",
    ]
    require_room("the target", places[:1])


def test_what_is_there_already_need_not_come_again(room: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "kept" / "deep").mkdir(parents=True)
    with (tmp_path / "kept" / "deep" / "file").open("wb") as file:
        file.truncate(30_000_000)
    assert bytes_in(tmp_path / "kept") == 30_000_000
    assert shortages([place(tmp_path / "kept", 125_000_000)]) == []
    assert shortages([place(tmp_path / "new", 125_000_000, there=tmp_path / "kept")]) == []
    assert shortages([place(tmp_path / "new", 125_000_000)]) != []


def test_a_directory_that_cannot_be_made_is_named_with_the_reason_and_what_moves_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    wanted = place(tmp_path / "file" / "cache")
    with pytest.raises(PrerequisiteError, match=r"cannot be written: .*; CACHE names another") as caught:
        require_writable("the target", [wanted, place(tmp_path / "fine")])
    assert (caught.value.id, caught.value.exit_code) == ("not-writable", 14)
    assert str(wanted.directory) in str(caught.value)
    assert "fine" not in str(caught.value)


def test_a_look_without_making_makes_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert why_not_writable(place(tmp_path / "a" / "b"), make=False) is None
    assert not (tmp_path / "a").exists()
    assert why_not_writable(place(tmp_path / "file" / "b"), make=False)
    assert why_not_writable(place(tmp_path / "a" / "b")) is None
    assert list((tmp_path / "a" / "b").iterdir()) == []


@posix
def test_a_write_that_fails_half_way_names_its_file_what_is_free_and_what_to_do() -> None:
    with pytest.raises(PrerequisiteError) as caught, disk_errors(), located(Path("/dev/full")):
        Path("/dev/full").write_text("more than nothing")
    assert caught.value.id == "disk-full"
    assert str(caught.value).startswith("/dev/full cannot be written: No space left on device (")
    assert "free some, or name a directory on a larger disk, and run the same command again" in str(caught.value)


def test_a_file_that_cannot_be_written_whole_is_named_by_its_final_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, content: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with (
        pytest.raises(PrerequisiteError, match=r"wheel\.json cannot be written: No space left on device"),
        disk_errors(),
    ):
        write_whole(tmp_path / "wheel.json", "{}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_a_quota_and_a_limit_are_one_situation(code: int, tmp_path: Path) -> None:
    found = disk_error(OSError(code, os.strerror(code), str(tmp_path)))
    assert found
    assert found.id == "disk-full"


def test_a_read_only_place_is_told_apart_and_what_is_not_the_disk_s_stays_as_it_is(tmp_path: Path) -> None:
    found = disk_error(OSError(errno.EROFS, "Read-only file system", str(tmp_path)))
    assert found
    assert (found.id, str(found)) == (
        "not-writable",
        f"{tmp_path}: Read-only file system; correct its permissions, or name another directory",
    )
    with pytest.raises(FileNotFoundError), disk_errors():
        (tmp_path / "absent").read_text()


def test_a_located_error_shows_one_path() -> None:
    for names in ((), ("draft",), ("from", 112, str(Path("x/wheel.whl.12-draft")))):
        with pytest.raises(OSError, match=r"No space left") as caught, located(Path("x/wheel.whl")):
            raise OSError(errno.ENOSPC, "No space left on device", *names)
        wanted = "draft" if names == ("draft",) else str(Path("x/wheel.whl"))
        assert str(caught.value).partition("] ")[2] == f"No space left on device: {wanted!r}"  # [Errno] or [WinError]


def test_the_copy_is_named_not_what_was_copied(tmp_path: Path) -> None:
    found = disk_error(OSError(errno.ENOSPC, "No space left on device", "from", None, str(tmp_path / "to")))
    assert str(found).startswith(f"{tmp_path / 'to'} cannot be written")


def test_a_task_that_meets_a_full_disk_ends_with_a_message(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught, reported():
        raise OSError(errno.ENOSPC, "No space left on device", "logs/a.result.json")
    assert caught.value.code == 14
    assert capsys.readouterr().err.startswith("error[disk-full]: logs/a.result.json cannot be written: No space left")


@pytest.mark.parametrize(
    "line",
    [
        "/tmp/cc.s: fatal error: error writing to /tmp/cc.s: No space left on device",
        "  Caused by: failed to copy file: No space left on device (os error 28)",
        "OSError: [Errno 122] Disk quota exceeded: '/x'",
        "LINK : fatal error LNK1104: There is not enough space on the disk. (os error 112)",
    ],
)
def test_a_program_that_met_a_full_disk_says_so_in_one_line(line: str) -> None:
    output = f"Traceback (most recent call last):\n  File x\n{line}\nmore"
    assert said_full(output) == line.strip()
    with pytest.raises(CommandError) as caught:
        check(
            Command(argv=("/usr/bin/uv",), cwd=Path("work")),
            Outcome(exit_code=1, seconds=0, peak_bytes=0, output=output),
        )
    assert caught.value.id == "disk-full"
    assert str(caught.value).startswith(f"uv (in work) could not write, a disk is full: {line.strip()}; free some")
    assert said_full("all is well") is None


def test_a_draft_that_cannot_be_removed_does_not_hide_why_it_was_not_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, missing_ok: bool = False) -> None:
        raise OSError(errno.EROFS, "Read-only file system", str(self))

    def full(self: Path, content: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "unlink", refuse)
    monkeypatch.setattr(Path, "write_bytes", full)
    with suppress(PrerequisiteError), pytest.raises(OSError, match="No space left"):
        write_whole(tmp_path / "a", "b")


def test_a_tree_for_which_there_is_no_room_is_no_mistake_of_who_named_the_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, content: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(PrerequisiteError, match="cannot be written: No space left on device") as caught, disk_errors():
        write_tree(tmp_path / "site", {"index.html": ""})
    assert caught.value.id == "disk-full"


def test_a_store_without_room_is_an_error_before_anything_is_sent_or_made(
    room: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    store = DirectoryStore(tmp_path / "store", may_be_new=True)
    store.require_room(90_000_000)
    with pytest.raises(PrerequisiteError, match=r"100 MB free, and 110 MB are needed") as caught:
        store.require_room(110_000_000)
    assert (caught.value.id, caught.value.exit_code) == ("disk-full", 14)
    assert f"dir:{tmp_path / 'store'}" in str(caught.value)
    assert not (tmp_path / "store").exists()


def test_a_machine_without_a_temporary_directory_is_told_which_variable_names_one() -> None:
    found = disk_error(FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']"))
    assert found
    assert (found.id, str(found)) == (
        "not-writable",
        "No usable temporary directory found in ['/tmp']; set TMPDIR to one that can be written",
    )


@pytest.mark.parametrize(("code", "id"), [(errno.EROFS, "not-writable"), (errno.EDQUOT, "disk-full")])
def test_an_archive_that_finds_no_place_is_not_called_damaged(
    code: int, id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*asked: object) -> None:
        raise OSError(code, os.strerror(code), str(tmp_path / "tree"))

    monkeypatch.setattr(archive, "_unpack_tar", refuse)
    (tmp_path / "a.tar.gz").write_bytes(b"")
    with pytest.raises(WheelsError) as caught:
        archive.unpack(tmp_path / "a.tar.gz", tmp_path / "tree")
    assert caught.value.id == id
    assert str(tmp_path) in str(caught.value)
