"""Builds of one target with one cache: one after the other, whatever ends them, and never a wheel of half a source."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from scripts.files import sha256_of
from scripts.locks import holder_of
from scripts.wheel.documents import read_manifest
from scripts.wheel_build.build_lock import building, removing, running_builds
from tests.holding import HOLD, busy
from tests.wheel_build.factories import driver_command, repository_variables
from tests.wheel_build.one_build import dirs_of, start_build
from tests.wheel_build.stub_deepspeed import TARGET, make_dirs

builds = pytest.mark.skipif(
    sys.platform != "linux" or not shutil.which("g++"), reason="the stub is compiled by the g++ of a Linux host"
)


def finish(process: subprocess.Popen[str], code: int = 0) -> str:
    output, _ = process.communicate(timeout=300)
    assert process.returncode == code, output
    assert "Traceback" not in output
    return output


def wheel_of(checkout: Path) -> Path:
    (wheel,) = (checkout / "wheels").rglob("*.whl")
    return wheel


@builds
def test_two_checkouts_that_build_a_target_at_once_make_the_same_wheel_and_compile_it_once(tmp_path: Path) -> None:
    cache = make_dirs(tmp_path).cache
    both = [start_build(cache, tmp_path / name) for name in ("one", "two")]
    said = [finish(process) for process in both]
    assert len({sha256_of(wheel_of(tmp_path / name)) for name in ("one", "two")}) == 1
    (waited,) = [text for text in said if "waiting: " in text]
    assert f"waiting: {TARGET.id} is being built in" in waited
    assert "going on after" in waited
    assert sorted("fused_adam: cached" in text for text in said) == [False, True]
    assert not dirs_of(cache, tmp_path).work(TARGET.id).exists()


@builds
def test_a_build_that_shall_not_wait_is_told_who_builds(tmp_path: Path) -> None:
    dirs = make_dirs(tmp_path)
    with building(TARGET.id, dirs):
        said = finish(start_build(dirs.cache, tmp_path / "other", "--no-wait"), code=14)
    assert f"error[already-building]: {TARGET.id} is being built in" in " ".join(said.split())
    assert f"process {os.getpid()} on" in " ".join(said.split())


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The digest of the wheel that a build makes which nobody ends."""
    folder = tmp_path_factory.mktemp("undisturbed")
    finish(start_build(make_dirs(folder).cache, folder, "--no-cache"))
    return sha256_of(wheel_of(folder))


@builds
@pytest.mark.parametrize("moment", ["source", "objects", "dist"])
def test_a_build_that_was_killed_is_gone_on_with_and_its_wheel_is_the_same(
    tmp_path: Path, moment: str, undisturbed: str
) -> None:
    """Killed as soon as this folder of its work is there; what another kill left half is made half here."""
    dirs = make_dirs(tmp_path)
    process = start_build(dirs.cache, tmp_path / "killed", "--no-cache")
    work = dirs.work(TARGET.id)
    while not (work / moment).exists():
        assert process.poll() is None
        time.sleep(0.005)
    if sys.platform != "win32":  # it is skipped there
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    for file in [*(work / "source").glob("deepspeed/*"), *(work / "source").glob("csrc/*.h")]:
        file.unlink()
    for file in (work / "objects").rglob("*.o"):
        file.write_bytes(file.read_bytes()[:-1])
    finish(start_build(dirs.cache, tmp_path / "again", "--no-cache"))
    assert sha256_of(wheel_of(tmp_path / "again")) == undisturbed
    assert holder_of(work) == ""


HOLDING = """
import sys
from pathlib import Path
from scripts.dirs import Dirs
from scripts.wheel_build.build_lock import building
folder = Path(sys.argv[1])
with building("one", Dirs(cache=folder, wheelhouse=folder, logs=folder)):
    hold()
"""


def test_the_running_builds_of_a_cache_are_known_but_not_those_that_died(tmp_path: Path) -> None:
    dirs = dirs_of(tmp_path, tmp_path)
    assert running_builds(dirs) == {}
    with busy(HOLDING, tmp_path) as other:
        with building("two", dirs):
            found = running_builds(dirs, but="two")
        assert list(found) == ["one"]
        assert found["one"].startswith(f"process {other.pid} on ")
        other.kill()
        assert running_builds(dirs) == {}


def test_a_build_that_begins_while_the_cache_is_being_freed_waits_for_its_end(tmp_path: Path) -> None:
    dirs = dirs_of(tmp_path, tmp_path)
    with removing(dirs):
        process = subprocess.Popen(
            driver_command(HOLD + HOLDING, str(tmp_path)), env=repository_variables(), stdout=subprocess.PIPE, text=True
        )
        while not running_builds(dirs):
            assert process.poll() is None
            time.sleep(0.05)
        assert process.poll() is None
    assert process.stdout
    psutil.Process(int(process.stdout.readline())).kill()
    process.communicate(timeout=60)


FILED_BY_HALF = """
import sys
from scripts.wheel_build import produce
from tests.wheel_build.one_build import main
produce.write_manifest = hold
main(*sys.argv[1:])
"""


@builds
def test_a_build_that_is_killed_between_wheel_and_manifest_files_both_when_it_is_run_again(tmp_path: Path) -> None:
    cache, checkout = make_dirs(tmp_path).cache, tmp_path / "checkout"
    with busy(FILED_BY_HALF, cache, checkout) as other:
        other.kill()
    assert list((checkout / "wheels").rglob("*.whl.json")) == [], "a wheel without one is on offer nowhere"
    finish(start_build(cache, checkout))
    (record,) = (read_manifest(path.read_bytes(), path.name) for path in (checkout / "wheels").rglob("*.whl.json"))
    assert record.sha256 == sha256_of(wheel_of(checkout))
