"""A toolkit out of NVIDIA's redistributable archives: those that a release's manifest names, merged into one tree."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from scripts.command import Log, no_log
from scripts.errors import PrerequisiteError, SourceError
from scripts.facts.facts import Facts
from scripts.facts.toolkit_parts import ToolkitComponent
from scripts.fetch.archive import merge, unpack
from scripts.fetch.download import Download, download_all, read_small, require_space

REDIST_VARIABLE = "DEEPSPEED_WHEELS_CUDA_REDIST"  # a mirror's address, or a directory
SHA256_DIGITS = 64


@dataclass(frozen=True, kw_only=True)
class RedistPart:
    """One archive of a release, as its manifest names it."""

    component: ToolkitComponent
    key: str  # "cuda_cccl"
    version: str
    path: str  # below the manifest's address
    sha256: str
    size: int  # bytes


def redist_address(facts: Facts) -> str:
    """The manifests: what DEEPSPEED_WHEELS_CUDA_REDIST names, a directory as an address; else NVIDIA's."""
    named = os.environ.get(REDIST_VARIABLE)
    if named and "://" not in named:
        named = Path(named).expanduser().resolve().as_uri()
    return (named or facts.toolkit_archive.address).rstrip("/")


def read_manifest(release: str, facts: Facts, system: str) -> tuple[RedistPart, ...]:
    """The archives of a release that a toolkit for `system` needs.

    Raises PrerequisiteError when the manifest cannot be had, is none, or lacks a component or its platform.
    """
    url = f"{redist_address(facts)}/redistrib_{release}.json"
    try:
        document = json.loads(read_small(url))
    except ValueError as error:
        raise PrerequisiteError(f"{url} is not a manifest: {error}", id="cuda-manifest-not-usable") from None
    if not isinstance(document, dict):
        raise PrerequisiteError(f"{url} is not a manifest: it holds no components", id="cuda-manifest-not-usable")
    major = int(release.split(".")[0])
    needed = [row for row in facts.toolkit_components.values() if row.since <= major]
    return tuple(_part(document, row, facts.toolkit_archive.platforms[system], url) for row in needed)


def _part(document: Mapping[str, Any], row: ToolkitComponent, platform: str, url: str) -> RedistPart:
    key = next((key for key in row.redist if isinstance(document.get(key), dict)), None)
    if key is None:
        raise PrerequisiteError(
            f"{url} names no {' or '.join(row.redist)}, which holds {row.what}", id="cuda-manifest-not-usable"
        )
    entry = document[key].get(platform)
    if not isinstance(entry, dict):
        raise PrerequisiteError(
            f"{url} has no {key} for {platform}; that holds {row.what}", id="cuda-manifest-not-usable"
        )
    try:
        part = RedistPart(
            component=row,
            key=key,
            version=str(document[key]["version"]),
            path=str(entry["relative_path"]),
            sha256=str(entry["sha256"]).lower(),
            size=int(entry["size"]),
        )
    except (KeyError, ValueError, TypeError) as error:
        raise PrerequisiteError(
            f"{url}: {key}.{platform} is not as published: {error!r}", id="cuda-manifest-not-usable"
        ) from None
    _check_part(part, url)
    return part


def _check_part(part: RedistPart, url: str) -> None:
    path = PurePosixPath(part.path)
    if path.is_absolute() or ".." in path.parts or ":" in part.path or "\\" in part.path:
        raise PrerequisiteError(
            f"{url}: {part.key} names {part.path!r}, which lies elsewhere", id="cuda-manifest-not-usable"
        )
    if len(part.sha256) != SHA256_DIGITS or part.size <= 0:
        raise PrerequisiteError(
            f"{url}: {part.key} names no sha256 or no size; nothing could be checked", id="cuda-manifest-not-usable"
        )


def fill_from_archives(
    draft: Path,
    downloads: Path,
    release: str,
    facts: Facts,
    system: str,
    log: Log = no_log,
) -> Mapping[str, str]:
    """Make `draft` a toolkit from archives, kept in `downloads` until it is complete; the versions by component.

    Raises PrerequisiteError, and the archives that arrived stay for the next try.
    """
    parts = read_manifest(release, facts, system)
    size = sum(part.size for part in parts)
    require_space(draft, size * facts.toolkit_archive.room)
    log(f"CUDA {release}: {len(parts)} archives, {size / 1e6:,.0f} MB, from {redist_address(facts)}")
    files = {part.key: downloads / PurePosixPath(part.path).name for part in parts}
    download_all([_download(part, files[part.key], facts) for part in parts], log=log)
    for part in parts:
        _unpack(files[part.key], draft, part, log)
    if system == "linux" and not (draft / "lib64").exists():
        (draft / "lib64").symlink_to("lib")
    return {part.key: part.version for part in parts}


def _download(part: RedistPart, path: Path, facts: Facts) -> Download:
    return Download(url=f"{redist_address(facts)}/{part.path}", path=path, sha256=part.sha256, size=part.size)


def _unpack(archive: Path, root: Path, part: RedistPart, log: Log) -> None:
    """Unpack one archive and move what it holds into the root; its licence keeps the component's name."""
    log(f"  unpacking {archive.name}")
    single = root / "unpacking"
    try:
        unpack(archive, single, without=part.component.without)
    except SourceError as error:
        raise PrerequisiteError(
            str(error), id=error.id if error.id in ("disk-full", "python-not-usable") else "archive-damaged"
        ) from None
    for text in [path for path in single.iterdir() if path.is_file()]:
        (root / "licences").mkdir(exist_ok=True)
        text.replace(root / "licences" / f"{part.key}-{text.name}")
    merge(single, root)
