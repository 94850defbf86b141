"""The op cache: a compiled op, found again by the content of everything that can change it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.files import sha256_of
from scripts.wheel_build.headers import include_dirs, reach
from scripts.wheel_build.recipe import OpRecipe

SCHEMA = 1
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

    def get(self, key: str) -> CachedOp | None:
        """The op stored under `key`; None when there is none, or it is not what was stored and had to go."""
        entry = self._entry(key)
        with suppress(OSError, ValueError, KeyError, TypeError):
            meta = json.loads((entry / "meta.json").read_text(encoding="utf-8"))
            if sha256_of(entry / "binary") == meta["sha256"]:
                os.utime(entry)
                return CachedOp(binary=entry / "binary", meta=meta)
        shutil.rmtree(entry, ignore_errors=True)
        return None

    def put(self, key: str, binary: Path, meta: Mapping[str, Any]) -> None:
        """Store a copy of `binary` under `key`; the first to store wins."""
        entry = self._entry(key)
        entry.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=entry.parent) as draft_name:
            draft = Path(draft_name) / "entry"
            draft.mkdir()
            shutil.copyfile(binary, draft / "binary")
            document = {**meta, "sha256": sha256_of(binary), "bytes": binary.stat().st_size}
            (draft / "meta.json").write_text(json.dumps(document, indent=1, sort_keys=True), encoding="utf-8")
            try:
                draft.rename(entry)
            except OSError:  # another process was first, or is looking at it
                if not entry.exists():
                    raise

    def peaks(self) -> dict[tuple[str, str], int]:
        """Bytes that one compiler thread took at its peak, by op and step, of the ops that were compiled here."""
        found: dict[tuple[str, str], int] = {}
        for file in self.directory.glob("??/*/meta.json"):
            with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
                meta = json.loads(file.read_text(encoding="utf-8"))
                for step, peak in meta["thread_peaks"].items():
                    key = (str(meta["op"]), str(step))
                    found[key] = max(found.get(key, 0), int(peak))
        return {key: peak for key, peak in found.items() if peak > 0}  # 0: the system does not tell (Wine)

    def prune(self, limit_bytes: int = LIMIT_BYTES) -> int:
        """Remove the entries used longest ago until the rest fits in `limit_bytes`; how many were removed."""
        total, removed = 0, 0
        for _, size, entry in sorted(self._uses(), reverse=True):
            total += size
            if total > limit_bytes:
                shutil.rmtree(entry, ignore_errors=True)
                removed += 1
        return removed

    def _uses(self) -> Iterator[tuple[int, int, Path]]:
        """Last use, bytes and directory of every entry; one that another process removes meanwhile is passed over."""
        for binary in self.directory.glob("??/*/binary"):
            with suppress(OSError):
                yield binary.parent.stat().st_mtime_ns, binary.stat().st_size, binary.parent

    def _entry(self, key: str) -> Path:
        return self.directory / key[:2] / key


def op_key(op: OpRecipe, *, root: Path, identity: Mapping[str, Any], directories: Mapping[str, str]) -> str:
    """The cache key of an op: sources and local headers, exact commands, and the toolchain's `identity`.

    Folders and outputs of this build are replaced by their names, so that the same op has the same key elsewhere.
    """
    outputs = {str(unit.object): f"{{object {index}}}" for index, unit in enumerate(op.units)}
    directories = {path: "{" + name + "}" for name, path in directories.items()}
    beside = {str(op.import_library): "{import library}"} if op.import_library else {}
    swaps = {**directories, **outputs, **beside, str(op.binary): "{binary}"}
    ingredients = {
        "schema": SCHEMA,
        "identity": identity,
        "commands": [_neutral(unit.argv, swaps) for unit in op.units] + [_neutral(op.link, swaps)],
        "files": _files(op, root),
    }
    return hashlib.sha256(json.dumps(ingredients, sort_keys=True).encode()).hexdigest()


def _neutral(argv: Sequence[str], swaps: Mapping[str, str]) -> list[str]:
    words = list(argv)
    for path in sorted(swaps, key=len, reverse=True):
        words = [word.replace(path, swaps[path]) for word in words]
    return words


def _files(op: OpRecipe, root: Path) -> dict[str, str]:
    reached = [reach((root / unit.source).resolve(), include_dirs(unit.argv, root), root) for unit in op.units]
    files = {file for one in reached for file in one.files}
    return {file.relative_to(root).as_posix(): sha256_of(file) for file in sorted(files)}
