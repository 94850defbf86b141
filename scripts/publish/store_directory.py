"""`DirectoryStore`: releases as directories of a local mirror; a draft ends in `.draft` until it is renamed."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from scripts.disk_space import FULL, Place, require_room
from scripts.errors import PublishError
from scripts.files import make_directory, sha256_of
from scripts.publish.store import TAG, Asset, Payload, Release, Watch

DRAFT = ".draft"
PART = ".part"  # behind the name of a file that is still being written
BLOCK = 1 << 20


class DirectoryStore:
    """The store `dir:PATH`; its files are written beside their names and renamed into place."""

    def __init__(self, root: Path, *, may_be_new: bool = False) -> None:
        self.root = root
        self.may_be_new = may_be_new  # the first publish makes the directory
        self.address = f"dir:{root}"

    def releases(self) -> tuple[Release, ...]:
        """The directories whose names are tags of ours, drafts included."""
        if self.may_be_new and not self.root.exists():
            return ()
        with _reported(f"read {self.root}"):
            names = sorted(entry.name for entry in self.root.iterdir() if entry.is_dir())
        found = (Release(id=name, tag=name.removesuffix(DRAFT), draft=name.endswith(DRAFT)) for name in names)
        return tuple(release for release in found if TAG.fullmatch(release.tag))

    def assets(self, release: Release) -> tuple[Asset, ...]:
        """The files of a release; their digests are left to `digest`. What began as a file that is there is none."""
        with _reported(f"read {self.root / release.id}"):
            files = {path.name: path for path in sorted((self.root / release.id).iterdir()) if path.is_file()}
            return tuple(_asset(path, self.root) for name, path in files.items() if not _is_leftover(name, files))

    def require_room(self, count: int) -> None:
        """Raise PrerequisiteError unless the disk has room for so many bytes; nothing is made."""
        wheels = Place(directory=self.root, bytes=count, what="wheels", moved_by="--store names another")
        require_room(self.address, [wheels])

    def digest(self, asset: Asset) -> str:
        """The digest of the file as it is now."""
        with _reported(f"read {asset.id}"):
            return sha256_of(self.root / asset.id)

    def read(self, asset: Asset) -> bytes:
        """The file's content."""
        with _reported(f"read {asset.id}"):
            return (self.root / asset.id).read_bytes()

    def create(self, tag: str, title: str, text: str) -> Release:
        """The draft's directory; the first makes the store's, too."""
        make_directory(self.root)
        with _reported(f"make {tag} in {self.root}"):
            (self.root / f"{tag}{DRAFT}").mkdir(parents=True, exist_ok=True)
        return Release(id=f"{tag}{DRAFT}", tag=tag, draft=True)

    def upload(self, release: Release, payload: Payload, name: str, watch: Watch) -> Asset:
        """The file, written whole, read back and renamed into place."""
        final = self.root / release.id / name
        part = final.with_name(final.name + PART)
        with _reported(f"write {final}"):
            with payload.open() as source, part.open("wb") as file:
                for block in _blocks(source):
                    file.write(block)
                    watch(payload.name, len(block))
                file.flush()
                os.fsync(file.fileno())
            digest = sha256_of(part)
        self._move(part, final)
        return Asset(id=_id(final, self.root), name=name, size=final.stat().st_size, sha256=digest)

    def rename(self, asset: Asset, name: str) -> None:
        """The same file under another name."""
        path = self.root / asset.id
        self._move(path, path.with_name(name))

    def delete(self, asset: Asset) -> None:
        """The file is gone."""
        with _reported(f"remove {asset.id}"):
            (self.root / asset.id).unlink(missing_ok=True)

    def publish(self, release: Release) -> None:
        """The draft's directory, without what an upload left there, takes the tag's name."""
        with _reported(f"read {self.root / release.id}"):
            for part in (self.root / release.id).glob(f"*{PART}"):
                part.unlink()
        self._move(self.root / release.id, self.root / release.tag)

    def _move(self, path: Path, to: Path) -> None:
        if to.exists():
            raise PublishError(
                f"{to} is there already, and nothing published is ever replaced; look at {path}", id="already-published"
            )
        with _reported(f"rename {path} to {to.name}"):
            path.rename(to)


def _asset(path: Path, root: Path) -> Asset:
    size = path.stat().st_size
    return Asset(
        id=_id(path, root), name=path.name.removesuffix(PART), size=size, sha256=None, complete=path.suffix != PART
    )


def _is_leftover(name: str, files: Collection[str]) -> bool:
    return name.endswith(PART) and name.removesuffix(PART) in files


def _id(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    while block := file.read(BLOCK):
        yield block


@contextmanager
def _reported(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise PublishError(
            f"cannot {what}: {reason}; correct that and run the same command again",
            id="disk-full" if error.errno in FULL else "store-not-usable",
        ) from None
