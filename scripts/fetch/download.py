"""Large files from elsewhere: in parallel, resumed where a connection broke, checked to the last byte."""

from __future__ import annotations

import queue
import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from scripts.command import Log, no_log
from scripts.disk_space import FULL
from scripts.errors import PrerequisiteError
from scripts.fetch.transfer import Stopped, Transient, open_source
from scripts.files import rename_patiently, sha256_of

PAUSES = (1.0, 2.0, 4.0, 8.0)  # seconds before each further try without progress in between
LONGEST_PAUSE = 60.0  # what a server's Retry-After may ask for at most; who asks for more is told to a person at once
LEAVE_SECONDS = 2.0  # for the threads to notice that they are to stop
REPORT_SECONDS = 10.0
SMALL_SECONDS = 600.0  # that a small file may take
MEGA = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Download:
    """One file to have: where it is, where it goes, and what it must be."""

    url: str  # https, http or file
    path: Path
    sha256: str
    size: int  # bytes


class _Job:
    """What the downloads of one call share: the question whether to stop, and what has arrived."""

    def __init__(self, downloads: Sequence[Download], log: Log) -> None:
        self.log, self.total = log, sum(download.size for download in downloads)
        self.before = sum(_arrived(download) for download in downloads)
        self.stop = threading.Event()
        self.waiting: queue.SimpleQueue[Download] = queue.SimpleQueue()
        for download in sorted(downloads, key=lambda one: -one.size):
            self.waiting.put(download)
        self.errors: list[BaseException] = []
        self.have: dict[Path, int] = {}

    def work(self) -> None:
        """Fetch one file after the other until none is left or something failed."""
        while not self.stop.is_set():
            try:
                download = self.waiting.get_nowait()
            except queue.Empty:
                return
            try:
                _fetch(download, self)
            except Stopped:
                return
            except BaseException as error:  # noqa: BLE001  raised in the thread that waits
                self.errors.append(error)
                self.stop.set()


def download_all(
    downloads: Sequence[Download], *, workers: int = 4, log: Log = no_log, every: float = REPORT_SECONDS
) -> None:
    """Have every file at its path, complete and with its digest; what is there already is not asked for again.

    Until then a file is kept beside its path as `.part`, and the next call goes on from there. Raises PrerequisiteError
    for a file that is not what was meant, a server that does not give it, or a disk that is full. `every`: the seconds
    between two lines of how far it is.
    """
    todo = [download for download in downloads if not _is_whole(download)]
    for directory in {download.path.parent for download in todo}:
        directory.mkdir(parents=True, exist_ok=True)
        require_space(directory, sum(one.size - _arrived(one) for one in todo if one.path.parent == directory))
    job = _Job(todo, log)
    threads = [threading.Thread(target=job.work, daemon=True) for _ in range(min(workers, len(todo)))]
    for thread in threads:
        thread.start()
    try:
        _wait(threads, job, every)
    finally:  # on Ctrl-C too: what arrived is kept, and no thread that waits for a silent server keeps the process
        job.stop.set()
        for thread in threads:
            thread.join(LEAVE_SECONDS / len(threads))
    if job.errors:
        raise job.errors[0]


def require_space(directory: Path, needed: int) -> None:
    """Raise PrerequisiteError when the disk of `directory` has less than `needed` bytes free."""
    existing = next(path for path in (directory, *directory.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    if free < needed:
        raise _full(directory, f"{needed / MEGA:,.0f} MB are needed, {free / MEGA:,.0f} MB are free")


def read_small(url: str, limit: int = 16 * MEGA) -> bytes:
    """The content of a small file; raises NotThereError when there is none, PrerequisiteError when it is not given."""
    stop = threading.Event()
    for pause in (*PAUSES[:2], None):
        try:
            with open_source(url, 0, compressed=True) as source:
                return b"".join(source.blocks(limit, seconds=SMALL_SECONDS))
        except Transient as error:
            if pause is None or _too_long(error):
                raise PrerequisiteError(f"{url}: {_when(error)}", id="download-failed") from None
            stop.wait(_pause(pause, error))
    raise AssertionError("the last try returns or raises")


def _wait(threads: Sequence[threading.Thread], job: _Job, every: float) -> None:
    reported, had = time.monotonic(), job.before
    while not job.stop.is_set() and any(thread.is_alive() for thread in threads):
        next(thread for thread in threads if thread.is_alive() or thread is threads[-1]).join(0.1)
        seconds = time.monotonic() - reported
        if seconds > every:
            have = sum(job.have.values())
            speed = max(0, have - had) / seconds / MEGA
            job.log(f"  {have / MEGA:,.0f} of {job.total / MEGA:,.0f} MB, {speed:,.1f} MB/s")
            reported, had = time.monotonic(), have


def _fetch(download: Download, job: _Job) -> None:
    """Have the file, in as many tries as it takes as long as one brings something."""
    pauses = iter(PAUSES)
    while True:
        resumed, before = _arrived(download) > 0, _arrived(download)
        try:
            _fetch_on(download, job)
            if _publish(download, resumed=resumed):
                job.log(f"  {download.path.name}, {download.size / MEGA:,.1f} MB")
                return
        except Transient as error:
            if _arrived(download) > before:
                pauses = iter(PAUSES)
            pause = next(pauses, None)
            if pause is None or _too_long(error):
                raise PrerequisiteError(
                    f"{download.url}: {_when(error)}; run again to go on from where it stopped", id="download-failed"
                ) from None
            if job.stop.wait(_pause(pause, error)):
                raise Stopped from None


def _fetch_on(download: Download, job: _Job) -> None:
    """Append to the part file what the server still has to give; Transient when the connection ends before."""
    part = _part(download)
    have = _arrived(download)
    if have == download.size:  # an earlier try ended between the last byte and the digest
        return
    with open_source(download.url, have) as source, _disk(part), part.open("ab" if source.start else "wb") as file:
        job.have[part] = have = source.start
        for block in source.blocks(download.size - have):
            if job.stop.is_set():
                raise Stopped
            file.write(block)
            have += len(block)
            job.have[part] = have
    if have < download.size:
        raise Transient(f"the connection ended after {have} of {download.size} bytes")


def _publish(download: Download, *, resumed: bool) -> bool:
    """Whether the part file is the file; what is not is removed, and only a resumed one may be tried once more."""
    part = _part(download)
    digest = sha256_of(part)
    if digest == download.sha256:
        rename_patiently(part, download.path)
        return True
    part.unlink()
    if resumed:
        return False
    raise PrerequisiteError(
        f"{download.url}: sha256 {digest} is not the {download.sha256} that its manifest names; "
        "run again, and distrust the server or mirror if it stays so",
        id="digest-mismatch",
    )


def _arrived(download: Download) -> int:
    """How many bytes an earlier try left; a part that is too long to be one is removed."""
    part = _part(download)
    have = part.stat().st_size if part.is_file() else 0
    if have > download.size:
        part.unlink()
        return 0
    return have


def _is_whole(download: Download) -> bool:
    return download.path.is_file() and sha256_of(download.path) == download.sha256


def _part(download: Download) -> Path:
    return download.path.with_name(download.path.name + ".part")


def _pause(pause: float, error: Transient) -> float:
    return error.retry_after if error.retry_after is not None else pause


def _too_long(error: Transient) -> bool:
    """Whether the server asks for more time than anybody waits for it."""
    return error.retry_after is not None and error.retry_after > LONGEST_PAUSE


def _when(error: Transient) -> str:
    """What went wrong and, where the server says it, how long it asks to be left alone."""
    return f"{error}, and it asks to wait {error.retry_after:,.0f} s" if _too_long(error) else str(error)


@contextmanager
def _disk(path: Path) -> Iterator[None]:
    """A full disk, reported as such."""
    try:
        yield
    except requests.RequestException:
        raise
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise _full(path.parent, "nothing more can be written") from None


def _full(directory: Path, detail: str) -> PrerequisiteError:
    return PrerequisiteError(
        f"the disk of {directory} is too full: {detail}; "
        "free some space, or name another directory with DEEPSPEED_WHEELS_CACHE",
        id="disk-full",
    )
