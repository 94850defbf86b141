"""`invoke clean` says what the cache holds, frees what is asked for, and never what somebody uses or owns elsewhere."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.commands import clean_task
from scripts.commands.clean_task import age_of, clean, size_of
from scripts.commands.task_options import CleanOptions
from scripts.dirs import CACHE_VARIABLE, Dirs, default_dirs
from scripts.errors import InputError, PrerequisiteError
from scripts.options import options_of
from scripts.stamp import stamp_tree
from scripts.wheel_build import cache_contents
from scripts.wheel_build.cache import OpCache
from scripts.wheel_build.cache_contents import KINDS
from tests.holding import busy
from tests.wheel_build.factories import write_tree

FILES = {
    "unfinished/one/source/setup.py": "1" * 1000,
    "unfinished/one.lock": "",
    "unfinished/two/objects/a.o": "2" * 2000,
    "unfinished/one.ab-1-2.draft/source/half.py": "3" * 10,
    "cuda/12.4.1-redist/bin/nvcc": "4" * 100,
    "cuda/12.4.1-redist.lock": "",
    "cuda/13.0.2-redist.downloads/nvcc.tar.xz.part": "5" * 50,
    "cuda/13.0.2-redist.draft/include/half.h": "6" * 5,
    "headers/0123/extension.h": "7",
    "headers/0123/extension.h.gch": "8" * 70,
    "headers/0123/extension.h.ab-1-2.draft": "9" * 7,
    "ops/ab/ab12.ab-1-2.draft/binary": "a" * 3,
    "sources/deepspeed-0.19.8.tar.gz": "b" * 30,
    "sources/deepspeed-0.19.8-sdist.json": "{}",
    "environments/1234.json": "{}",
    "portability/results/1234.json": "[]",
}
LEFT_BY_STOPPED = ("unfinished/", ".downloads", ".draft")
HOLDING = """
from scripts.dirs import default_dirs
from scripts.wheel_build.build_lock import building
with building("two", default_dirs()):
    hold()
"""
READING = """
from scripts.dirs import default_dirs
from scripts.locks import locked
with locked(default_dirs().portability, "sources are being read"):
    hold()
"""


@pytest.fixture
def dirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Dirs:
    """A cache with something of every kind."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    write_tree(tmp_path / "cache", FILES)
    dirs = default_dirs()
    stamp_tree(dirs.toolkits / "12.4.1-redist", {})
    binary = dirs.sources / "deepspeed-0.19.8.tar.gz"
    for key in ("ab12", "cd34"):
        OpCache(dirs.ops).put(key, binary, {"op": key})
    return dirs


@pytest.fixture
def build_of_two(dirs: Dirs) -> Iterator[int]:
    """A process that builds the target `two`; its id."""
    with busy(HOLDING) as other:
        yield other.pid


def files(dirs: Dirs) -> set[str]:
    """Every file in the cache but those of locks."""
    found = (path.relative_to(dirs.cache).as_posix() for path in dirs.cache.rglob("*") if path.is_file())
    return {name for name in found if not name.endswith((".lock", ".lock.json"))}


def of_stopped(names: set[str]) -> set[str]:
    return {name for name in names if any(mark in name for mark in LEFT_BY_STOPPED)}


def run(capsys: pytest.CaptureFixture[str], **options: object) -> dict[str, str]:
    """The state of everything by its name."""
    clean(CleanOptions(json=True, **options))  # type: ignore[arg-type]  # of several types
    return {one["name"]: one["state"] for one in json.loads(capsys.readouterr().out)["contents"]}


def test_without_a_word_only_what_stopped_processes_left_is_freed(
    dirs: Dirs, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files(dirs)
    states = run(capsys)
    assert files(dirs) == before - of_stopped(before)
    assert [name for name, state in states.items() if state == "freed"] == [
        "unfinished/one",
        "unfinished/two",
        "cuda/13.0.2-redist.downloads",
        "unfinished/one.ab-1-2.draft",
        "cuda/13.0.2-redist.draft",
        "headers/0123/extension.h.ab-1-2.draft",
        "ops/ab/ab12.ab-1-2.draft",
    ]


def test_all_frees_everything_but_the_files_of_locks(dirs: Dirs, capsys: pytest.CaptureFixture[str]) -> None:
    assert set(run(capsys, all=True).values()) == {"freed"}
    assert files(dirs) == set()
    if os.name != "nt":  # Windows removes no file that another process has open
        assert (dirs.unfinished / "one.lock").exists(), "two processes would each make and lock their own"
    assert run(capsys, all=True) == {}


def test_a_dry_run_says_what_would_go_and_removes_nothing(dirs: Dirs, capsys: pytest.CaptureFixture[str]) -> None:
    before = files(dirs)
    said = run(capsys, dry_run=True, all=True)
    assert files(dirs) == before
    assert run(capsys, all=True) == said


def test_only_the_kinds_that_are_named_are_freed(dirs: Dirs, capsys: pytest.CaptureFixture[str]) -> None:
    before = files(dirs)
    run(capsys, what=("toolkits", "ops"))
    gone = before - files(dirs)
    assert gone == {name for name in before if name.startswith(("cuda/12.4.1-redist/", "ops/")) and "draft" not in name}


@pytest.mark.parametrize("dry_run", [True, False])
def test_what_a_running_build_may_be_using_stays(
    dirs: Dirs, build_of_two: int, capsys: pytest.CaptureFixture[str], dry_run: bool
) -> None:
    states = run(capsys, all=True, dry_run=dry_run)
    assert {name for name, state in states.items() if state == "freed"} == {
        "unfinished/one",
        "ops",
        "environments",
        "portability",
    }
    clean(CleanOptions(what=("toolkits",)))
    assert f"cuda/12.4.1-redist is kept: two is being built by process {build_of_two} on " in capsys.readouterr().out
    assert (dirs.unfinished / "two" / "objects" / "a.o").exists()
    assert (dirs.toolkits / "12.4.1-redist" / "bin" / "nvcc").exists()


@pytest.mark.parametrize("dry_run", [True, False])
def test_what_a_running_reading_of_sources_uses_stays(
    dirs: Dirs, capsys: pytest.CaptureFixture[str], dry_run: bool
) -> None:
    with busy(READING):
        states = run(capsys, all=True, dry_run=dry_run)
    assert {name for name, state in states.items() if state == "held"} == {"portability"}
    assert (dirs.portability / "results" / "1234.json").exists()


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")
def test_links_are_not_followed_and_nothing_outside_of_the_cache_goes(
    dirs: Dirs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_tree(tmp_path / "mine", {"ab/precious": "mine", "precious": "mine"})
    (dirs.unfinished / "linked").symlink_to(tmp_path / "mine")
    (dirs.unfinished / "one" / "source" / "linked").symlink_to(tmp_path / "mine")
    run(capsys, all=True)
    assert not (dirs.unfinished / "linked").is_symlink()
    shutil.rmtree(dirs.ops)
    dirs.ops.symlink_to(tmp_path / "mine")
    assert run(capsys, all=True) == {"ops": "held"}
    assert sorted(path.name for path in (tmp_path / "mine").rglob("*")) == ["ab", "precious", "precious"]


def test_what_cannot_be_removed_is_an_error_with_its_name(
    dirs: Dirs, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_contents, "discard", lambda path: "one" not in path.name)
    with pytest.raises(PrerequisiteError, match=r"not all could be removed: unfinished/one: .*one is open in another"):
        clean(CleanOptions())
    assert "unfinished/two" in capsys.readouterr().out


def test_the_table_has_sizes_ages_and_a_sum(dirs: Dirs, capsys: pytest.CaptureFixture[str]) -> None:
    now = (dirs.toolkits / "12.4.1-redist").stat().st_mtime
    os.utime(dirs.toolkits / "12.4.1-redist", (now - 90_000 * 3, now - 90_000 * 3))
    clean(CleanOptions(what=("unfinished",)))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["kind", "size", "made", "last", "used", "below", "the", "cache"]
    assert [line.split() for line in lines if "unfinished/two" in line] == [
        ["unfinished", "2.0", "kB", "just", "now", "just", "now", "freed", "unfinished/two"]
    ]
    assert "3 days" in next(line for line in lines if "12.4.1-redist" in line)
    assert any(line.endswith("ops (2)") for line in lines)
    assert lines[-1].startswith("3.0 kB freed, ")
    assert lines[-1].endswith(f" kept in {dirs.cache}")


def test_kinds_that_there_are_not_and_both_ways_of_naming_are_refused(dirs: Dirs) -> None:
    with pytest.raises(InputError, match=r"--what wheels: give some of unfinished, downloads"):
        clean(CleanOptions(what=("wheels", "ops")))
    with pytest.raises(InputError, match="exclude each other"):
        clean(CleanOptions(what=("ops",), all=True))


def test_the_help_names_every_kind() -> None:
    (stated,) = [option.stated for option in options_of(CleanOptions) if option.name == "what"]
    assert stated.help.endswith(": " + ", ".join(KINDS))


def test_sizes_and_ages_are_words() -> None:
    assert [size_of(number) for number in (0, 999, 1234, 5_600_000, 7_800_000_000)] == [
        "0 B",
        "999 B",
        "1.2 kB",
        "5.6 MB",
        "7.8 GB",
    ]
    assert [age_of(seconds) for seconds in (-1, 59, 61, 7200, 86_400, 200_000)] == [
        "just now",
        "just now",
        "1 minute",
        "2 hours",
        "1 day",
        "2 days",
    ]


def test_a_cache_that_is_not_there_is_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "nowhere"))
    clean_task.clean(CleanOptions(all=True))
    assert capsys.readouterr().out == f"0 B freed, 0 B kept in {tmp_path / 'nowhere'}\n"
