"""The toolkits that were fetched: put together beside their place, examined, and only then there, whole."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import filelock

from scripts.command import Log, no_log
from scripts.errors import PrerequisiteError
from scripts.facts.facts import Facts
from scripts.files import DRAFT, rename_patiently
from scripts.toolchain.cuda.toolkit import Toolkit, examine

NOTE = "toolkit.json"


def stored_toolkit(place: Path, source: str, facts: Facts, system: str, version: str) -> Toolkit | None:
    """The toolkit that an earlier run put into `place`; None when there is none, or it is no longer whole."""
    if not (place / NOTE).is_file():
        return None
    try:
        return _require(examine(place, source, facts, system), version)
    except PrerequisiteError:
        return None


def store_toolkit(
    place: Path,
    source: str,
    facts: Facts,
    system: str,
    version: str,
    fill: Callable[[Path], Mapping[str, str]],
    log: Log = no_log,
) -> Toolkit:
    """The toolkit in `place`, which `fill` puts into a draft directory when it is not there yet.

    `fill` returns what is written down beside it. The draft takes its place by rename, and only when its nvcc runs,
    says `version` (a minor) and nothing needed is missing: else PrerequisiteError, and nothing is left.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    with _locked(place, log):
        if stored := stored_toolkit(place, source, facts, system, version):
            return stored
        draft = place.with_name(place.name + DRAFT)
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir()
        try:
            note = dict(fill(draft))
            toolkit = _require(examine(draft, source, facts, system), version)
            (draft / NOTE).write_text(json.dumps(note, indent=1), encoding="utf-8")
            shutil.rmtree(place, ignore_errors=True)
            rename_patiently(draft, place)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        return replace(toolkit, root=place)


@contextmanager
def _locked(place: Path, log: Log) -> Iterator[None]:
    """Alone with `place` among all processes of this machine."""
    lock = filelock.FileLock(place.with_name(place.name + ".lock"))
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        log(f"another process is fetching {place.name}; waiting for it")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _require(toolkit: Toolkit, version: str) -> Toolkit:
    if toolkit.version != version:
        raise PrerequisiteError(f"{toolkit.root} says it is CUDA {toolkit.version}, not {version}")
    return toolkit
