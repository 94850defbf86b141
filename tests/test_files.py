"""What is written is there whole or not at all."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import pytest

from scripts.errors import InputError
from scripts.files import draft_of, make_directory, sha256_of, write_tree, write_whole, written


def names(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


@pytest.mark.parametrize("durable", [False, True])
@pytest.mark.parametrize("content", ["text\n", b"text\n"])
def test_a_file_and_its_directory_are_made_and_nothing_else_is_left(
    tmp_path: Path, content: str | bytes, durable: bool
) -> None:
    write_whole(tmp_path / "new" / "file.txt", content, durable=durable)
    assert (tmp_path / "new" / "file.txt").read_bytes() == b"text\n"
    assert names(tmp_path) == ["new/file.txt"]


@pytest.mark.parametrize("durable", [False, True])
def test_the_content_of_another_file_is_taken_once_and_again(tmp_path: Path, durable: bool) -> None:
    (tmp_path / "source").write_bytes(b"wheel")
    for _ in range(2):
        write_whole(tmp_path / "copy", tmp_path / "source", durable=durable)
    assert names(tmp_path) == ["copy", "source"]
    assert sha256_of(tmp_path / "copy") == sha256_of(tmp_path / "source")


def test_what_fails_midway_leaves_the_file_of_before(tmp_path: Path) -> None:
    write_whole(tmp_path / "file", "before")

    def write_half() -> None:
        with draft_of(tmp_path / "file") as draft:
            draft.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert names(tmp_path) == ["file"]
    assert (tmp_path / "file").read_text() == "before"


def test_writers_at_once_never_share_a_draft(tmp_path: Path) -> None:
    texts = [letter * 100_000 for letter in "abcdefgh"]
    threads = [threading.Thread(target=write_whole, args=(tmp_path / "file", text)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "file").read_text() in texts
    assert names(tmp_path) == ["file"]


def test_a_tree_replaces_its_own_files_and_no_others(tmp_path: Path) -> None:
    write_tree(tmp_path, {"a/old.txt": "1", "kept.txt": "1"})
    (tmp_path / "a" / "other.txt").write_text("not ours")
    write_tree(tmp_path, {"kept.txt": "2", "b/new.txt": "2"})
    assert names(tmp_path) == ["a/other.txt", "b/new.txt", "kept.txt", "written.txt"]
    assert written(tmp_path) == {"kept.txt", "b/new.txt"}


def test_a_list_of_written_files_cannot_reach_out_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "written.txt").write_text("../mine\n")
    write_tree(tmp_path / "site", {"a": "a"})
    assert (tmp_path / "mine").read_text() == "mine"


def test_a_directory_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match="cannot be written"):
        write_tree(tmp_path / "file" / "site", {"a": ""})


def test_a_directory_is_made_once_and_one_that_cannot_be_is_an_error(tmp_path: Path) -> None:
    assert make_directory(make_directory(tmp_path / "a" / "b")).is_dir()
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match=r"cannot be written: .*; choose another directory"):
        make_directory(tmp_path / "file" / "cache")


def test_a_temporary_folder_that_windows_keeps_open_for_a_moment_ends_no_work() -> None:
    """A virus scanner, or a program that was ended, may still hold a file in it when the work is done."""
    modules = (Path(__file__).parent.parent / "scripts").rglob("*.py")
    texts = [(path.name, path.read_text(encoding="utf-8")) for path in modules]
    made = [
        (name, call)
        for name, text in texts
        for call in re.findall(r"TemporaryDirectory\([^()]*(?:\(\))?[^()]*\)", text)
    ]
    assert len(made) > 10
    assert [each for each in made if "ignore_cleanup_errors=True" not in each[1]] == []
