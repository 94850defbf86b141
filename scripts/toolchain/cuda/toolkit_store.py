"""The toolkits that were fetched: put together beside their directory, examined, and renamed to it when complete."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from scripts.command import Log, no_log
from scripts.errors import PrerequisiteError
from scripts.facts.facts import Facts
from scripts.files import DRAFT, discard, rename_patiently, touch
from scripts.locks import locked
from scripts.stamp import damage_of, stamp_tree
from scripts.toolchain.cuda.toolkit import Toolkit, examine

NOTE = "toolkit.json"


def stored_toolkit(directory: Path, source: str, facts: Facts, system: str, version: str) -> Toolkit | None:
    """The toolkit that an earlier run put into `directory`; None when there is none, or it is no longer complete."""
    if not directory.is_dir() or damage_of(directory):
        return None
    try:
        toolkit = _require(examine(directory, source, facts, system), version)
    except PrerequisiteError:
        return None
    touch(directory)
    return toolkit


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
    with locked(directory, f"the CUDA toolkit {directory.name} is being fetched", log=log):
        if stored := stored_toolkit(directory, source, facts, system, version):
            return stored
        if directory.is_dir():
            log(f"{directory} is not as it was left: {damage_of(directory) or 'it is not usable'}; fetched anew")
        draft = directory.with_name(directory.name + DRAFT)
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir()
        try:
            note = dict(fill(draft))
            toolkit = _require(examine(draft, source, facts, system), version)
            (draft / NOTE).write_text(json.dumps(note, indent=1), encoding="utf-8")
            stamp_tree(draft, {"source": source})
            discard(directory)
            rename_patiently(draft, directory)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        return replace(toolkit, root=directory)


def _require(toolkit: Toolkit, version: str) -> Toolkit:
    if toolkit.version != version:
        raise PrerequisiteError(
            f"{toolkit.root} says it is CUDA {toolkit.version}, not {version}", id="cuda-version-mismatch"
        )
    return toolkit
