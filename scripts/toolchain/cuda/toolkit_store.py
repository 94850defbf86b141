"""The toolkits that were fetched: put together beside their directory, examined, and renamed to it when complete."""

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


def stored_toolkit(directory: Path, source: str, facts: Facts, system: str, version: str) -> Toolkit | None:
    """The toolkit that an earlier run put into `directory`; None when there is none, or it is no longer complete."""
    if not (directory / NOTE).is_file():
        return None
    try:
        return _require(examine(directory, source, facts, system), version)
    except PrerequisiteError:
        return None


def store_toolkit(
    directory: Path,
    source: str,
    facts: Facts,
    system: str,
    version: str,
    fill: Callable[[Path], Mapping[str, str]],
    log: Log = no_log,
) -> Toolkit:
    """The toolkit in `directory`, which `fill` puts into a draft directory when it is not there yet.

    `fill` returns what is written down beside it. The draft takes its path by rename, and only when its nvcc runs,
    says `version` (a minor) and nothing needed is missing: else PrerequisiteError, and nothing is left.
    """
    directory.parent.mkdir(parents=True, exist_ok=True)
    with _locked(directory, log):
        if stored := stored_toolkit(directory, source, facts, system, version):
            return stored
        draft = directory.with_name(directory.name + DRAFT)
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir()
        try:
            note = dict(fill(draft))
            toolkit = _require(examine(draft, source, facts, system), version)
            (draft / NOTE).write_text(json.dumps(note, indent=1), encoding="utf-8")
            shutil.rmtree(directory, ignore_errors=True)
            rename_patiently(draft, directory)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        return replace(toolkit, root=directory)


@contextmanager
def _locked(directory: Path, log: Log) -> Iterator[None]:
    """Alone with `directory` among all processes of this machine."""
    lock = filelock.FileLock(directory.with_name(directory.name + ".lock"))
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        log(f"another process is fetching {directory.name}; waiting for it")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _require(toolkit: Toolkit, version: str) -> Toolkit:
    if toolkit.version != version:
        raise PrerequisiteError(
            f"{toolkit.root} says it is CUDA {toolkit.version}, not {version}", id="cuda-version-mismatch"
        )
    return toolkit
