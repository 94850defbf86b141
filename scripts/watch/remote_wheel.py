"""Members of a wheel that lies on a server, each downloaded alone."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import requests
from packaging.requirements import InvalidRequirement, Requirement

from scripts.errors import PrerequisiteError
from scripts.fetch.transfer import get
from scripts.fetch.wheel_part import RemoteFile
from scripts.watch.upstream_answers import ServedFile
from scripts.wheel.members import DAMAGED

AHEAD = 1 << 22  # bytes that are read at once: of what is looked for, some members have ten times as many
MOST = 1 << 28  # bytes of a member


@dataclass(frozen=True, kw_only=True)
class WheelMembers:
    """An open wheel."""

    archive: zipfile.ZipFile

    @property
    def names(self) -> frozenset[str]:
        """The members."""
        return frozenset(self.archive.namelist())

    def find(self, pattern: str) -> str | None:
        """The first member whose whole name matches."""
        return next((name for name in self.archive.namelist() if re.fullmatch(pattern, name)), None)

    def read(self, pattern: str) -> bytes:
        """The content of that member; raises ValueError when there is none, or it is too large to be it."""
        name = self.find(pattern)
        if name is None:
            raise ValueError(f"it has no {pattern}")
        if self.archive.getinfo(name).file_size > MOST:
            raise ValueError(f"{name} has more than {MOST} bytes")
        try:
            return self.archive.read(name)
        except requests.RequestException:
            raise
        except DAMAGED as error:
            raise ValueError(f"{name} cannot be unpacked: {error}") from None

    def text(self, pattern: str) -> str:
        """The same as text."""
        return self.read(pattern).decode("utf-8", "replace")

    def requirements(self) -> list[Requirement]:
        """What its metadata ask for."""
        found = []
        for line in self.text(r"[^/]+\.dist-info/METADATA").splitlines():
            name, _, value = line.partition(": ")
            if not line:
                break
            if name == "Requires-Dist":
                try:
                    found.append(Requirement(value))
                except InvalidRequirement:
                    continue
        return found


@contextmanager
def open_wheel(file: ServedFile) -> Iterator[WheelMembers]:
    """The wheel, as it is read; raises ValueError for what is no wheel, PrerequisiteError where there is none."""
    size = file.size or _size_of(file.url)
    try:
        archive = zipfile.ZipFile(io.BufferedReader(RemoteFile(file.url, size), AHEAD))
    except requests.RequestException:
        raise
    except DAMAGED as error:
        raise ValueError(f"{file.name}: {error}") from None
    with archive:
        yield WheelMembers(archive=archive)


def _size_of(url: str) -> int:
    """The bytes of a file that a page did not give; the headers of its answer say it."""
    with get(url, stream=True, headers={"Accept-Encoding": "identity"}) as answer:
        length = answer.headers.get("Content-Length", "")
    if answer.status_code != 200 or not length.isdecimal():
        raise PrerequisiteError(f"{url}: HTTP {answer.status_code}, and no length", id="download-failed")
    return int(length)
