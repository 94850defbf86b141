"""A download arrives whole or not at all; what broke off is gone on with, and a wrong file is never kept."""

from __future__ import annotations

import errno
import hashlib
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import IO

import pytest

from scripts.errors import PrerequisiteError
from scripts.fetch import download
from scripts.fetch.download import Download, download_all, read_small, require_space
from tests.fetch.range_server import Fault, FileServer, serving_files
from tests.wheel_build.factories import driver_command, repository_variables

CONTENT = random.Random(1).randbytes(600_000)
BLOCK = 1 << 16


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """No second is lost between tries."""
    monkeypatch.setattr(download, "PAUSES", (0.01, 0.01, 0.01, 0.01))


@pytest.fixture
def site() -> Iterator[FileServer]:
    with serving_files({"/a.bin": CONTENT}) as server:
        yield server


def one(site: FileServer, folder: Path, path: str = "/a.bin", content: bytes = CONTENT) -> Download:
    digest = hashlib.sha256(content).hexdigest()
    return Download(url=site.url + path, path=folder / "files" / path[1:], sha256=digest, size=len(content))


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "files").iterdir())


def test_a_file_arrives_whole_and_is_not_asked_for_again(tmp_path: Path, site: FileServer) -> None:
    wanted = one(site, tmp_path)
    for _ in range(2):
        download_all([wanted])
    assert wanted.path.read_bytes() == CONTENT
    assert left(tmp_path) == ["a.bin"]
    assert site.asked == [("/a.bin", "")]


def test_many_files_arrive_at_once_each_to_its_own_place(tmp_path: Path) -> None:
    files = {f"/{number}.bin": random.Random(number).randbytes(50_000 + number) for number in range(12)}
    with serving_files(files) as server:
        wanted = [one(server, tmp_path, path, content) for path, content in files.items()]
        download_all(wanted, workers=5)
    assert {"/" + item.path.name: item.path.read_bytes() for item in wanted} == files


def test_a_connection_that_drops_midway_is_gone_on_with_and_little_comes_twice(
    tmp_path: Path, site: FileServer
) -> None:
    site.faults["/a.bin"] = [Fault(sent=300_000), Fault(sent=100_000)]
    download_all([one(site, tmp_path)])
    assert (tmp_path / "files" / "a.bin").read_bytes() == CONTENT
    starts = [wish for _, wish in site.asked]
    assert starts[0] == ""
    assert all(wish.startswith("bytes=") for wish in starts[1:])
    assert len(starts) == 3
    assert site.sent <= len(CONTENT) + 2 * BLOCK


def test_the_next_run_goes_on_from_what_an_earlier_one_left(tmp_path: Path, site: FileServer) -> None:
    site.faults["/a.bin"] = [Fault(sent=400_000), *[Fault(status=503)] * 5]
    with pytest.raises(PrerequisiteError, match="run again to go on"):
        download_all([one(site, tmp_path)])
    assert left(tmp_path) == ["a.bin.part"]
    before = site.sent
    download_all([one(site, tmp_path)])
    assert (tmp_path / "files" / "a.bin").read_bytes() == CONTENT
    assert site.sent - before <= 200_000 + BLOCK + 10


def test_a_server_that_ignores_the_wish_for_a_part_is_read_from_the_start(tmp_path: Path) -> None:
    with serving_files({"/a.bin": CONTENT}, ranges=False) as server:
        server.faults["/a.bin"] = [Fault(sent=300_000)]
        download_all([one(server, tmp_path)])
        assert (tmp_path / "files" / "a.bin").read_bytes() == CONTENT
        assert [bool(wish) for _, wish in server.asked] == [False, True]


def test_a_part_of_another_file_is_noticed_and_the_file_fetched_anew(tmp_path: Path, site: FileServer) -> None:
    wanted = one(site, tmp_path)
    wanted.path.parent.mkdir()
    wanted.path.with_name("a.bin.part").write_bytes(b"?" * 1000)
    download_all([wanted])
    assert wanted.path.read_bytes() == CONTENT
    assert [wish for _, wish in site.asked] == ["bytes=1000-", ""]


@pytest.mark.parametrize("size", [len(CONTENT), len(CONTENT) + 5])
def test_a_part_that_is_already_as_long_as_the_file_or_longer_does_no_harm(
    tmp_path: Path, site: FileServer, size: int
) -> None:
    wanted = one(site, tmp_path)
    wanted.path.parent.mkdir()
    wanted.path.with_name("a.bin.part").write_bytes((CONTENT + b"12345")[:size])
    download_all([wanted])
    assert wanted.path.read_bytes() == CONTENT


def test_a_file_that_is_no_longer_what_was_meant_is_fetched_again(tmp_path: Path, site: FileServer) -> None:
    wanted = one(site, tmp_path)
    wanted.path.parent.mkdir()
    wanted.path.write_bytes(CONTENT[:-1] + b"?")
    download_all([wanted])
    assert wanted.path.read_bytes() == CONTENT


@pytest.mark.parametrize("body", [CONTENT[:-1] + b"?", b"<html>log in</html>" * 40_000], ids=["a byte", "a long page"])
def test_a_wrong_content_is_refused_and_nothing_is_kept(tmp_path: Path, site: FileServer, body: bytes) -> None:
    site.files["/a.bin"] = body
    with pytest.raises(PrerequisiteError, match=r"sha256|more than"):
        download_all([one(site, tmp_path)])
    assert "a.bin" not in left(tmp_path)


def test_a_file_that_ends_too_early_every_time_is_refused(tmp_path: Path, site: FileServer) -> None:
    site.files["/a.bin"] = CONTENT[:-100]
    with pytest.raises(PrerequisiteError, match="of 600000 bytes"):
        download_all([one(site, tmp_path)])
    assert left(tmp_path) == ["a.bin.part"]


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_busy_server_is_asked_again(tmp_path: Path, site: FileServer, status: int) -> None:
    site.faults["/a.bin"] = [Fault(status=status)] * 3
    download_all([one(site, tmp_path)])
    assert len(site.asked) == 4


def test_a_server_that_says_when_to_come_back_is_given_that_time(tmp_path: Path, site: FileServer) -> None:
    site.faults["/a.bin"] = [Fault(status=429, retry_after="1")]
    started = time.monotonic()
    download_all([one(site, tmp_path)])
    assert time.monotonic() - started >= 1


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_file_that_is_not_given_is_not_asked_for_again(tmp_path: Path, site: FileServer, status: int) -> None:
    site.faults["/a.bin"] = [Fault(status=status)]
    with pytest.raises(PrerequisiteError, match=f"HTTP {status}"):
        download_all([one(site, tmp_path)])
    assert len(site.asked) == 1


def test_a_server_that_is_not_there_is_said_after_a_few_tries(tmp_path: Path, site: FileServer) -> None:
    wanted = Download(url="http://127.0.0.1:9/a.bin", path=tmp_path / "a.bin", sha256="0" * 64, size=10)
    with pytest.raises(PrerequisiteError, match=r"127\.0\.0\.1:9/a\.bin: cannot be reached"):
        download_all([wanted])


def test_a_proxy_that_is_not_there_is_named_without_its_password(
    tmp_path: Path, site: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://me:hidden@127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://me:hidden@127.0.0.1:9")
    wanted = Download(url="http://wheels.example/a.bin", path=tmp_path / "a.bin", sha256="0" * 64, size=10)
    with pytest.raises(PrerequisiteError, match=r"cannot be reached through the proxy 127\.0\.0\.1:9, which") as raised:
        download_all([wanted])
    assert "hidden" not in str(raised.value)


def test_now_and_then_a_download_says_how_much_is_there_and_how_fast_it_comes(tmp_path: Path, site: FileServer) -> None:
    site.faults["/a.bin"] = [Fault(sent=300_000, hold=True)]
    speeds: list[float] = []

    def log(line: str) -> None:
        if told := re.fullmatch(r"  [01] of 1 MB, ([0-9.]+) MB/s", line):
            speeds.append(float(told[1]))
            if max(speeds) > 0 and speeds[-1] == 0:  # the server holds, and nothing comes any more
                site.released.set()

    download_all([one(site, tmp_path)], log=log, every=0.2)
    assert max(speeds) > 0
    assert 0 in speeds


def test_one_failure_ends_the_others_and_keeps_what_arrived(
    tmp_path: Path, site: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.files["/slow.bin"] = CONTENT
    site.faults["/slow.bin"] = [Fault(sent=200_000, hold=True)]
    site.faults["/a.bin"] = [Fault(status=503), Fault(status=404)]
    monkeypatch.setattr(download, "PAUSES", (0.5,))  # so that the other one waits for its server by then
    started = time.monotonic()
    with pytest.raises(PrerequisiteError, match="HTTP 404"):
        download_all([one(site, tmp_path, "/slow.bin"), one(site, tmp_path)])
    assert time.monotonic() - started < 10
    assert "slow.bin.part" in left(tmp_path)


@pytest.mark.parametrize("kind", ["folder", "part"])
def test_a_mirror_folder_serves_as_well(tmp_path: Path, kind: str) -> None:
    mirror = tmp_path / "a mirror"
    mirror.mkdir()
    (mirror / "a.bin").write_bytes(CONTENT)
    digest = hashlib.sha256(CONTENT).hexdigest()
    wanted = Download(url=(mirror / "a.bin").as_uri(), path=tmp_path / "b.bin", sha256=digest, size=len(CONTENT))
    if kind == "part":
        (tmp_path / "b.bin.part").write_bytes(CONTENT[:1000])
    download_all([wanted])
    assert wanted.path.read_bytes() == CONTENT


def test_a_mirror_folder_without_the_file_is_said(tmp_path: Path) -> None:
    wanted = Download(url=(tmp_path / "none.bin").as_uri(), path=tmp_path / "b.bin", sha256="0" * 64, size=10)
    with pytest.raises(PrerequisiteError, match=r"none\.bin cannot be read"):
        download_all([wanted])


def test_too_little_room_is_said_before_anything_is_fetched(
    tmp_path: Path, site: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=500_000))
    with pytest.raises(PrerequisiteError, match="DEEPSPEED_WHEELS_CACHE"):
        download_all([one(site, tmp_path)])
    assert site.asked == []


def test_room_is_asked_of_the_folder_above_one_that_is_not_there_yet(tmp_path: Path) -> None:
    require_space(tmp_path / "not" / "there" / "yet", 1)
    with pytest.raises(PrerequisiteError, match="too full"):
        require_space(tmp_path / "not" / "there" / "yet", 1 << 60)


class _FullDisk:
    """A file whose disk has no room left after `room` bytes."""

    def __init__(self, file: IO[bytes], room: int) -> None:
        self.file, self.room = file, room

    def __enter__(self) -> _FullDisk:
        return self

    def __exit__(self, *error: object) -> None:
        self.file.close()

    def write(self, block: bytes) -> int:
        if self.file.tell() + len(block) > self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        return self.file.write(block)


def test_a_disk_that_fills_up_meanwhile_is_said_as_such(
    tmp_path: Path, site: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Path.open

    def opened(path: Path, mode: str = "r", *rest: object) -> object:
        file = real(path, mode)
        return _FullDisk(file, 200_000) if mode == "wb" else file

    monkeypatch.setattr(Path, "open", opened)
    with pytest.raises(PrerequisiteError, match="too full: nothing more can be written"):
        download_all([one(site, tmp_path)])
    monkeypatch.undo()
    assert "a.bin" not in left(tmp_path)


def test_a_small_file_is_read_and_a_huge_one_is_not(site: FileServer) -> None:
    assert read_small(site.url + "/a.bin") == CONTENT
    with pytest.raises(PrerequisiteError, match="more than 1000 bytes"):
        read_small(site.url + "/a.bin", limit=1000)


def test_a_small_file_is_asked_for_again_a_few_times(site: FileServer) -> None:
    site.faults["/a.bin"] = [Fault(status=503), Fault(sent=10)]
    assert read_small(site.url + "/a.bin") == CONTENT
    site.faults["/a.bin"] = [Fault(status=503)] * 3
    with pytest.raises(PrerequisiteError, match="HTTP 503"):
        read_small(site.url + "/a.bin")


INTERRUPTED = """
import sys
from pathlib import Path
from scripts.fetch.download import Download, download_all
download_all([Download(url=sys.argv[1], path=Path(sys.argv[2]), sha256="0" * 64, size=600000)])
"""


def _wait_for(path: Path, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not (path.is_file() and path.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.02)


def _start(arguments: Sequence[str]) -> subprocess.Popen[bytes]:
    command = driver_command(INTERRUPTED, *arguments)
    return subprocess.Popen(command, env=repository_variables(), stderr=subprocess.PIPE)


@pytest.mark.skipif(
    sys.platform == "win32", reason="a console of its own would be needed to send Ctrl-C to one process"
)
def test_ctrl_c_ends_promptly_though_the_server_keeps_silent(tmp_path: Path, site: FileServer) -> None:
    site.faults["/a.bin"] = [Fault(sent=300_000, hold=True)]
    process = _start([site.url + "/a.bin", str(tmp_path / "a.bin")])
    _wait_for(tmp_path / "a.bin.part")
    started = time.monotonic()
    os.kill(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=20)
    assert time.monotonic() - started < 5
    assert b"KeyboardInterrupt" in said
    assert [path.name for path in tmp_path.iterdir()] == ["a.bin.part"]
