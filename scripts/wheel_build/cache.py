"""The op cache: a compiled op, found again by the content of everything that can change it."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.disk_space import FULL
from scripts.files import discard, draft_name, has_digest, last_use, rename_patiently, sha256_of, touch
from scripts.stamp import read_record, write_record
from scripts.wheel_build.headers import include_dirs, reach
from scripts.wheel_build.places import Places
from scripts.wheel_build.recipe import OpRecipe
from scripts.wheel_build.response_files import spelled_out

SCHEMA = 1
META = "meta.json"
LIMIT_BYTES = 4 * 1024**3


@dataclass(frozen=True, kw_only=True)
class CachedOp:
    """A binary in the cache and what is known of how it was made."""

    binary: Path
    meta: Mapping[str, Any]


@dataclass(frozen=True)
class OpCache:
    """A directory of op binaries by key; safe to share between processes, since entries appear by rename."""

    directory: Path

    def get(self, key: str, to: Path) -> CachedOp | None:
        """The op stored under `key`, copied `to` this build's own files; None when there is none.

        The copy is what is compared: another process may remove the entry at any time. What is not what was stored is
        removed.
        """
        entry = self._entry(key)
        if not os.path.exists(entry):  # noqa: PTH110 - a Path raises for a folder that may not be searched
            return None
        meta = read_record(entry / META)
        if meta and _copied(entry / "binary", to, meta["sha256"]):
            touch(entry)
            return CachedOp(binary=to, meta=meta)
        discard(entry)
        return None

    def put(self, key: str, binary: Path, meta: Mapping[str, Any]) -> None:
        """Store a copy of `binary` under `key`; the first to store wins. Raises OSError when it cannot be written."""
        entry = self._entry(key)
        draft = draft_name(entry)
        draft.mkdir(parents=True)
        try:
            shutil.copyfile(binary, draft / "binary")
            sizes = {"sha256": sha256_of(binary), "bytes": binary.stat().st_size}
            write_record(draft / META, {**meta, **sizes})
            draft.rename(entry)
        except OSError:  # another process was first, or is looking at it
            if not entry.exists():
                raise
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def peaks(self) -> dict[tuple[str, str], int]:
        """Bytes that one compiler thread took at its peak, by op and step, of the ops that were compiled here."""
        found: dict[tuple[str, str], int] = {}
        for file in self.directory.glob(f"??/*/{META}"):
            meta = read_record(file) or {}
            for step, peak in meta.get("thread_peaks", {}).items():
                key = (meta["op"], step)
                found[key] = max(found.get(key, 0), peak)
        return {key: peak for key, peak in found.items() if peak > 0}  # 0: the system does not tell (Wine)

    def prune(self, limit_bytes: int = LIMIT_BYTES) -> int:
        """Remove the entries used longest ago until the rest fits in `limit_bytes`; how many were removed."""
        total, removed = 0, 0
        for _, size, entry in sorted(self._uses(), reverse=True):
            total += size
            if total > limit_bytes:
                discard(entry)
                removed += 1
        return removed

    def _uses(self) -> Iterator[tuple[int, int, Path]]:
        """Last use, bytes and directory of every entry; one that another process removes meanwhile is passed over."""
        for binary in self.directory.glob("??/*/binary"):
            with suppress(OSError):
                yield last_use(binary.parent.stat()), binary.stat().st_size, binary.parent

    def _entry(self, key: str) -> Path:
        return self.directory / key[:2] / key


def _copied(source: Path, to: Path, sha256: str) -> bool:
    """Whether `to` is now a copy of the file, which had this digest."""
    to.parent.mkdir(parents=True, exist_ok=True)
    draft = draft_name(to)
    try:
        shutil.copyfile(source, draft)
        if not has_digest(draft, sha256):
            return False
        rename_patiently(draft, to)
    except OSError as error:
        if error.errno in FULL | {errno.EROFS}:  # nothing is wrong with the entry
            raise
        return False
    finally:
        draft.unlink(missing_ok=True)
    return True


def op_key(op: OpRecipe, *, root: Path, identity: Mapping[str, Any], directories: Mapping[str, str]) -> str:
    """The cache key of an op: sources and local headers, exact commands, and the toolchain's `identity`.

    Folders and outputs of this build are replaced by their names, so that the same op has the same key elsewhere.
    """
    outputs = {str(unit.object): f"{{object {index}}}" for index, unit in enumerate(op.units)}
    beside = {str(op.import_library): "{import library}"} if op.import_library else {}
    own = {**outputs, **beside, str(op.binary): "{binary}"}
    places = Places.of(directories)
    ingredients = {
        "schema": SCHEMA,
        "identity": identity,
        "commands": [places.words(spelled_out(argv, root), own) for argv in (*(u.argv for u in op.units), op.link)],
        "files": _files(op, root),
    }
    return hashlib.sha256(json.dumps(ingredients, sort_keys=True).encode()).hexdigest()


def _files(op: OpRecipe, root: Path) -> dict[str, str]:
    reached = [reach((root / unit.source).resolve(), include_dirs(unit.argv, root), root) for unit in op.units]
    files = {file for one in reached for file in one.files}
    return {file.relative_to(root).as_posix(): sha256_of(file) for file in sorted(files)}
