"""A folder out of a wheel of the default index, without downloading the rest of it; every file as RECORD names it."""

from __future__ import annotations

import csv
import hashlib
import io
import time
import zipfile
from pathlib import Path

from packaging.utils import parse_wheel_filename

from scripts.errors import PrerequisiteError
from scripts.fetch.index_client import open_index, packages_of
from scripts.fetch.transfer import Transient, open_source
from scripts.files import record_digest

AHEAD = 1 << 18  # bytes that are read at once: the files of a folder lie side by side
PAUSES = (0.0, 0.5, 2.0, 5.0)  # seconds before each try


class RemoteFile(io.RawIOBase):
    """A file on a server, read where it is asked for."""

    def __init__(self, url: str, size: int) -> None:
        self.url, self.size, self.position = url, size, 0

    def seekable(self) -> bool:
        """Yes."""
        return True

    def readable(self) -> bool:
        """Yes."""
        return True

    def tell(self) -> int:
        """Where the next byte comes from."""
        return self.position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go somewhere else; ValueError for a place before the beginning, which a damaged archive names."""
        place = {io.SEEK_SET: 0, io.SEEK_CUR: self.position, io.SEEK_END: self.size}[whence] + offset
        if place < 0:
            raise ValueError(f"negative seek value {place}")
        self.position = place
        return place

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # all that zipfile hands over
        """Fill the buffer as far as the file goes; raises PrerequisiteError when the server does not give it."""
        wanted = max(min(len(buffer), self.size - self.position), 0)
        content = self._part(wanted) if wanted else b""
        buffer[: len(content)] = content
        self.position += len(content)
        return len(content)

    def _part(self, wanted: int) -> bytes:
        for pause in PAUSES:
            time.sleep(pause)
            try:
                with open_source(self.url, self.position) as source:
                    if source.start != self.position:
                        raise PrerequisiteError(
                            f"{self.url}: the server gives no part of a file; take an index that does",
                            id="download-failed",
                        )
                    got = bytearray()
                    for block in source.blocks(self.size - self.position):
                        got += block
                        if len(got) >= wanted:
                            return bytes(got[:wanted])
            except Transient as error:
                reason: object = error
        raise PrerequisiteError(f"{self.url}: {reason}; run again", id="download-failed")


def fetch_folder(wheel: str, size: int, record_sha256: str, folder: str, into: Path) -> None:
    """Write the files of `folder` of the wheel of this name into the directory `into`, which is made.

    Raises PrerequisiteError when the index has no such wheel, the server does not give it, or a file is not the one
    that a RECORD with this digest names.
    """
    with zipfile.ZipFile(io.BufferedReader(RemoteFile(_address(wheel), size), AHEAD)) as archive:
        names = archive.namelist()
        record = archive.read(next(name for name in names if name.endswith(".dist-info/RECORD")))
        if hashlib.sha256(record).hexdigest() != record_sha256:
            raise PrerequisiteError(f"{wheel}: RECORD is not the one that is known", id="digest-mismatch")
        digests = {row[0]: row[1] for row in csv.reader(io.StringIO(record.decode("utf-8"))) if len(row) > 1}
        members = [info for info in archive.infolist() if info.filename.startswith(folder + "/") and not info.is_dir()]
        for info in sorted(members, key=lambda each: each.header_offset):
            content = archive.read(info)
            if digests.get(info.filename) != f"sha256={record_digest(hashlib.sha256(content).digest())}":
                raise PrerequisiteError(f"{wheel}: {info.filename} is not what RECORD names", id="digest-mismatch")
            path = into / info.filename.removeprefix(folder + "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


def _address(wheel: str) -> str:

    project = parse_wheel_filename(wheel)[0]
    with open_index() as client:
        for package in packages_of(project, client):
            if package.filename == wheel:
                return str(package.url)
    raise PrerequisiteError(f"the index has no {wheel}", id="download-not-found")
