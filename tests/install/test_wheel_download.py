"""The wheel on its way: resumed, watched, checked; and what it leaves in the cache."""

from __future__ import annotations

import hashlib
import re
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from scripts.errors import PrerequisiteError
from scripts.fetch import download
from scripts.install import wheel_download
from scripts.install.wheel_download import downloaded
from scripts.wheel.published import Published
from tests.fetch.range_server import Fault, FileServer, serving_files
from tests.wheel.factories import make_wheel_record

CONTENT = bytes(range(256)) * 4000
RECORD = make_wheel_record(sha256=hashlib.sha256(CONTENT).hexdigest(), bytes=len(CONTENT), url=None)
PATH = f"/files/0.16.5/{RECORD.file.replace('+', '%2B')}"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "a cache, größer 中文"
    monkeypatch.setenv("DEEPSPEED_WHEELS_CACHE", str(folder))
    monkeypatch.setattr(download, "PAUSES", ())
    return folder


def offer(site: FileServer) -> Published:
    return Published(wheels=(RECORD,), url=f"{site.url}/", torch_index="https://torch.example/{variant}")


def whats_left(cache: Path) -> list[str]:
    """The files of the cache but locks, which stay."""
    return [path.name for path in cache.rglob("*") if path.is_file() and path.suffix != ".lock"]


def test_a_broken_download_goes_on_where_it_stopped_and_leaves_nothing_when_all_is_done(cache: Path) -> None:
    with serving_files({PATH: CONTENT}) as site:
        site.faults[PATH] = [Fault(sent=300_000)]
        with pytest.raises(PrerequisiteError, match="run again to go on"), downloaded(RECORD, offer(site)):
            raise AssertionError("it is not there")
        [part] = cache.rglob("*.part")
        assert part.stat().st_size == 300_000
        with downloaded(RECORD, offer(site)) as file:
            assert file.read_bytes() == CONTENT
            assert [path.name for path in file.parent.iterdir()] == [RECORD.file]
        assert [wish for _, wish in site.asked] == ["", "bytes=300000-"]
        assert site.sent == len(CONTENT)
    assert whats_left(cache) == []


def test_what_arrived_stays_when_the_installation_fails(cache: Path) -> None:
    with serving_files({PATH: CONTENT}) as site:
        with pytest.raises(ZeroDivisionError), downloaded(RECORD, offer(site)):
            raise ZeroDivisionError
        with downloaded(RECORD, offer(site)):
            pass
        assert len(site.asked) == 1


def test_who_wants_the_same_wheel_meanwhile_waits_for_it(cache: Path) -> None:
    done: list[str] = []

    def second(site: FileServer) -> None:
        with downloaded(RECORD, offer(site), lines.append) as file:
            done.append("second")
            assert file.read_bytes() == CONTENT

    lines: list[str] = []
    with serving_files({PATH: CONTENT}) as site, ThreadPoolExecutor(1) as pool:
        with downloaded(RECORD, offer(site)) as file:
            waiting = pool.submit(second, site)
            while not lines:
                time.sleep(0.05)
            assert file.read_bytes() == CONTENT
            done.append("first")
        waiting.result(20)
    assert done == ["first", "second"]
    assert lines[0].startswith(f"waiting: {RECORD.file} is being installed in ")


def test_another_file_is_refused(cache: Path) -> None:
    with serving_files({PATH: CONTENT[::-1]}) as site:
        with pytest.raises(PrerequisiteError, match="sha256") as caught, downloaded(RECORD, offer(site)):
            raise AssertionError("it is another")
        assert caught.value.id == "digest-mismatch"
    assert whats_left(cache) == []


def test_who_waits_sees_how_far_it_is(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wheel_download, "EVERY", 0.2)
    lines: list[str] = []
    with serving_files({PATH: CONTENT}) as site:
        site.faults[PATH] = [Fault(sent=600_000, hold=True)]

        def log(line: str) -> None:
            lines.append(line)
            site.released.set()

        with pytest.raises(PrerequisiteError), downloaded(RECORD, offer(site), log):
            raise AssertionError("it is not there")
    assert re.fullmatch(r"  1 of 1 MB, [0-9.]+ MB/s", lines[0])


def test_without_a_cache_that_can_be_written_it_goes_elsewhere(
    cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cache.write_text("a file")
    with serving_files({PATH: CONTENT}) as site, downloaded(RECORD, offer(site)) as file:
        assert file.read_bytes() == CONTENT
    assert not file.exists()


def test_a_wheel_of_this_machine_is_checked_too(cache: Path, tmp_path: Path) -> None:
    wheel = tmp_path / "blänk 中文" / RECORD.file
    wheel.parent.mkdir()
    wheel.write_bytes(CONTENT)
    record = replace(RECORD, url=wheel.as_uri())
    site = Published(wheels=(record,), url=f"{wheel.parent.as_uri()}/", torch_index="https://torch.example/{variant}")
    with downloaded(record, site) as file:
        assert (file != wheel, file.read_bytes()) == (True, CONTENT)
    wheel.write_bytes(CONTENT[::-1])
    with pytest.raises(PrerequisiteError, match="sha256"), downloaded(record, site):
        raise AssertionError("it is another")


def test_a_server_that_asks_for_an_hour_is_not_waited_for(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "PAUSES", (1.0, 2.0))
    with serving_files({PATH: CONTENT}) as site:
        site.faults[PATH] = [Fault(status=429, retry_after="3600")]
        with pytest.raises(PrerequisiteError, match="asks to wait 3,600 s"), downloaded(RECORD, offer(site)):
            raise AssertionError("it is not there")
        assert len(site.asked) == 1
        site.faults["/wheels.json"] = [Fault(status=429, retry_after="2400")]
        with pytest.raises(PrerequisiteError, match="asks to wait 2,400 s"):
            download.read_small(f"{site.url}/wheels.json")
