"""A disk that is full or read-only while a wheel is built costs no op that is finished, and never shows a traceback."""

from __future__ import annotations

import errno
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scripts.dirs import Dirs
from scripts.errors import PrerequisiteError, WheelsError
from scripts.fetch.installer import Installer, environment_python
from scripts.process_tree import ProcessGroup
from scripts.wheel_build import environments, produce
from scripts.wheel_build.build_options import BuildOptions
from scripts.wheel_build.cache import OpCache
from scripts.wheel_build.preflight import TEMPORARY
from scripts.wheel_build.schedule import Task, run_tasks
from tests.wheel_build.plans import make_planner
from tests.wheel_build.stub_deepspeed import TARGET, make_dirs

OPTIONS = BuildOptions(ops=("fused_adam",), verify="audit", source="tag", jobs=1)
pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or not shutil.which("g++"), reason="the stub is compiled by the g++ of a Linux host"
)
Disk = Callable[[Path], Path]


@pytest.fixture(autouse=True)
def with_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environments, "fill_build_environment", lambda *asked: None)


def build(dirs: Dirs) -> Path:
    """The stub's wheel, of a build that thinks it needs no room."""
    plan = make_planner(dirs, OPTIONS).here(TARGET)
    without_needs = replace(plan, room=dict.fromkeys(plan.room, 0))
    python = environment_python(Path(sys.prefix))
    return produce.produce(without_needs, Installer(uv=None), python, sys.executable, dirs)


def no_room(*asked: object) -> Any:  # noqa: ANN401  it never returns
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture
def full_disk() -> Iterator[Disk]:
    """Makes of a directory a disk of its own that holds no byte more."""
    mounted: list[Path] = []

    def make(directory: Path) -> Path:
        directory.mkdir(parents=True, exist_ok=True)
        told = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(directory)], capture_output=True, check=False
        )
        if told.returncode:
            pytest.skip("nothing can be mounted here; the tests with a write that fails keep the promise")
        mounted.append(directory)
        filler = directory / "filler"
        with filler.open("wb", buffering=0) as file:
            try:
                while file.write(bytes(4096)):
                    pass
            except OSError:
                pass
        return filler

    yield make
    for directory in mounted:
        subprocess.run(["umount", "--lazy", str(directory)], check=True)


def test_an_op_cache_that_takes_nothing_is_a_warning_and_the_wheel_is_filed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(OpCache, "put", no_room)
    dirs = make_dirs(tmp_path)
    assert build(dirs).is_file()
    warning = f"fused_adam is not kept in the cache: {dirs.ops}: No space left on device; the build goes on"
    assert warning in capfd.readouterr().err


def test_a_wheel_that_finds_no_room_is_named_and_its_ops_are_kept_for_the_next_run(
    tmp_path: Path, full_disk: Disk, capfd: pytest.CaptureFixture[str]
) -> None:
    dirs = make_dirs(tmp_path)
    filler = full_disk(dirs.wheelhouse)
    with pytest.raises(PrerequisiteError) as caught:
        build(dirs)
    assert caught.value.id == "disk-full"
    assert str(caught.value).startswith(f"{dirs.wheelhouse / TARGET.folder}")
    assert "No space left on device" in str(caught.value)
    assert not list(dirs.wheelhouse.rglob("*.whl"))
    filler.unlink()
    capfd.readouterr()
    assert build(dirs).is_file()
    assert "fused_adam: cached" in capfd.readouterr().err


def test_a_log_that_finds_no_room_is_said_once_and_the_wheel_is_filed(
    tmp_path: Path, full_disk: Disk, capfd: pytest.CaptureFixture[str]
) -> None:
    dirs = make_dirs(tmp_path)
    full_disk(dirs.logs)
    assert build(dirs).is_file()
    assert capfd.readouterr().err.count("cannot be written: No space left on device; the build goes on without") == 1


def test_a_full_cache_ends_a_build_with_its_path(tmp_path: Path, full_disk: Disk) -> None:
    dirs = make_dirs(tmp_path)
    full_disk(dirs.cache / "unfinished")
    with pytest.raises(WheelsError) as caught:
        build(dirs)
    assert caught.value.id == "disk-full"
    assert str(dirs.work(TARGET.id)) in str(caught.value)


def test_compilers_that_find_no_room_for_their_files_say_where(
    tmp_path: Path, full_disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    full_disk(tmp_path / "temporary")
    monkeypatch.setenv(TEMPORARY, str(tmp_path / "temporary"))
    with pytest.raises(WheelsError) as caught:
        build(make_dirs(tmp_path))
    assert caught.value.id == "disk-full"
    assert f"{tmp_path / 'temporary'}" in str(caught.value)
    assert "every other op is finished and kept" in str(caught.value)


def test_a_task_that_cannot_write_fails_alone_and_the_others_are_finished() -> None:
    done: list[str] = []
    tasks = [
        Task(name="lost", work=no_room, needs=frozenset()),
        Task(name="behind", work=lambda: done.append("behind"), needs=frozenset({"lost"})),
        Task(name="other", work=lambda: done.append("other")),
    ]
    failed = run_tasks(tasks, workers=1, group=ProcessGroup())
    assert {name: error.id for name, error in failed.items()} == {"lost": "disk-full"}
    assert done == ["other"]
