"""`Members`: the files in a wheel, read within limits. What is wrong with its zip is one error that names the file."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from scripts.errors import InputError

# what zipfile raises for an archive that is damaged, encrypted or packed in a way it does not know; a plain error where
# it trusted a number
DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    OSError,
    EOFError,
    LookupError,
    RuntimeError,  # encrypted; NotImplementedError is one too
    ValueError,
    OverflowError,
    MemoryError,
)
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # what every installer can unpack
ENCRYPTED = 0x1
MOST_MEMBERS = 20_000  # a DeepSpeed wheel has some 900
MOST_BYTES = 8 * 1024**3  # unpacked, all together; the largest known wheel takes 1.5 GB
MOST_BYTES_EACH = 4 * 1024**3 - 1
MOST_BYTES_READ_WHOLE = 4 * 1024**2  # of METADATA, RECORD and their like: a real one has a tenth of a megabyte
MOST_BYTES_OF_MODULE = 1024**3  # all of it is read at once; the largest known one has 0.3 GB
MOST_BYTES_UNPACKED = 16 * 1024**2  # from however little
MOST_GROWTH = 200  # times the packed size, of a member above the size before
BLOCK = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Members:
    """The files of one wheel, in the order of its directory; a name that is there twice is listed twice."""

    path: Path
    zip: zipfile.ZipFile
    infos: tuple[zipfile.ZipInfo, ...]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(info.filename for info in self.infos)

    def blocks(self, name: str) -> Iterator[bytes]:
        """The content in blocks; raises InputError when it cannot be read."""
        with damage_named(self.path, name), self.zip.open(name) as stream:
            while block := stream.read(BLOCK):
                yield block

    def read(self, name: str) -> bytes:
        """The whole content; raises InputError when it cannot be read."""
        return b"".join(self.blocks(name))

    def read_small(self, name: str) -> bytes:
        """The content of a file that no wheel needs to be long; raises InputError for a long one, too."""
        return self._read_at_most(name, MOST_BYTES_READ_WHOLE)

    def read_module(self, name: str) -> bytes:
        """The content of a compiled module; raises InputError for one that is longer than any."""
        return self._read_at_most(name, MOST_BYTES_OF_MODULE)

    def _read_at_most(self, name: str, most: int) -> bytes:
        with damage_named(self.path, name):
            size = self.zip.getinfo(name).file_size
        if size > most:
            raise damaged(self.path, f"{name} has {size} bytes; {most} are allowed")
        return self.read(name)


@contextmanager
def open_members(path: Path) -> Iterator[Members]:
    """The files of the wheel; raises InputError for one that is damaged or unpacks to more than any wheel."""
    with damage_named(path):
        archive = zipfile.ZipFile(path)
    with archive:
        infos = tuple(info for info in archive.infolist() if not info.filename.endswith("/"))
        if reason := next(_excesses(infos), None):
            raise damaged(path, reason)
        yield Members(path=path, zip=archive, infos=infos)


def damaged(path: Path, reason: str) -> InputError:
    """The error for a wheel that cannot be read."""
    return InputError(f"{path}: cannot be opened as a wheel ({reason}); download or build it again", id="wheel-damaged")


@contextmanager
def damage_named(path: Path, member: str = "") -> Iterator[None]:
    """Whatever zipfile raises becomes one error that names the wheel, and the member where it is in one."""
    try:
        yield
    except InputError:
        raise
    except DAMAGED as error:
        reason = (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__
        raise damaged(path, f"{member}: {reason}" if member else reason) from None


def _excesses(infos: tuple[zipfile.ZipInfo, ...]) -> Iterator[str]:
    """What of the directory alone says that nobody should unpack it."""
    if len(infos) > MOST_MEMBERS:
        yield f"it has {len(infos)} members; {MOST_MEMBERS} are allowed"
    if (total := sum(info.file_size for info in infos)) > MOST_BYTES:
        yield f"it would unpack to {total} bytes; {MOST_BYTES} are allowed"
    for info in infos:
        grown = info.file_size > max(MOST_BYTES_UNPACKED, MOST_GROWTH * info.compress_size)
        if info.flag_bits & ENCRYPTED:
            yield f"{info.filename} is encrypted"
        elif info.compress_type not in METHODS:
            yield f"{info.filename} is packed with method {info.compress_type}; only 0 and 8 are read everywhere"
        elif grown or info.file_size > MOST_BYTES_EACH:
            yield f"{info.filename} would unpack from {info.compress_size} to {info.file_size} bytes"
