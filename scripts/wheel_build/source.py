"""The DeepSpeed source: fetched once, checked, unpacked safely, its version asserted, patched."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import requests

from scripts.command import Log, no_log
from scripts.errors import SourceError
from scripts.facts.deepspeed_releases import Patch
from scripts.facts.load import load_facts
from scripts.fetch.archive import unpack
from scripts.fetch.index_client import open_index, save_package, sdist_of
from scripts.fetch.limits import save
from scripts.fetch.transfer import get
from scripts.files import draft_of, has_digest, sha256_of, touch
from scripts.locks import locked
from scripts.outgoing import redacted
from scripts.stamp import damage_of, missing_from, read_record, stamp_tree, stamped_note, write_record
from scripts.wheel_build.patch import apply_patch
from scripts.wheel_build.tag_archive import MOST_BYTES, check_archive, pack_members, vouched_members

TAG_ARCHIVE = "https://github.com/deepspeedai/DeepSpeed/archive/refs/tags/v{version}.tar.gz"
TAG_VARIABLE = "DEEPSPEED_WHEELS_TAG_ARCHIVE"  # a mirror's address, with {version}
TIMEOUT = (5, 60)  # seconds to connect, to read
# What setup.py writes anew, so that it may change: in an sdist its own notes; on Windows also the copies of the
# directories at the top, which are links elsewhere and in an sdist hold files that the top lacks.
NOTES = ("deepspeed/git_version_info_installed.py", "*.egg-info/*")
OF_UPSTREAM = {
    "linux": NOTES,
    "windows": (*NOTES, "deepspeed/ops/csrc/*", "deepspeed/ops/op_builder/*", "deepspeed/accelerator/*"),
}


@dataclass(frozen=True, kw_only=True)
class SourceArchive:
    """A source archive in the cache."""

    path: Path
    version: str
    kind: str  # "tag" or "sdist"
    url: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class SourceTree:
    """An unpacked and patched source."""

    root: Path
    archive: SourceArchive
    patches: tuple[str, ...]
    corrections: tuple[str, ...]  # what was wrong inside the archive and was set right


def fetch_source(
    version: str,
    directory: Path,
    *,
    kinds: Sequence[str] = ("tag", "sdist"),
    pinned_sdist: str | None = None,
    log: Log = no_log,
) -> SourceArchive:
    """The archive of a release, from the cache or downloaded: of the first of `kinds` that can be reached.

    Of several processes one downloads it, the others wait. Raises SourceError when neither can be had, or a checksum is
    wrong: for the sdist the index's own and `pinned_sdist`. Of a tag archive only that is taken for which the sdist or
    a row of `tag_files` vouches; one that differs is an error, or passed over where the sdist may be taken too.
    """
    reasons = []
    with locked(directory / f"deepspeed-{version}", f"DeepSpeed {version} is being downloaded", log=log):
        for one in kinds:
            if cached := _cached(version, directory, one, pinned_sdist):
                return cached
        for one in kinds:
            try:
                if one == "tag":
                    return _fetch_tag(version, directory, pinned_sdist, log)
                return _fetch_sdist(version, directory, pinned_sdist)
            except requests.RequestException as error:
                reasons.append(f"{one}: {_short(error)}")
                log(f"  {one} of {version} cannot be reached: {_short(error)}")
            except SourceError as error:
                if one != "tag" or "sdist" not in kinds:
                    raise
                log(f"  tag of {version} is passed over: {error}")
    raise SourceError(
        f"DeepSpeed {version}: no source can be reached ({'; '.join(reasons)}); is the package index that pip is set to"
        " reachable from here, and has it this release?",
        id="source-not-available",
    )


def prepare_tree(
    archive: SourceArchive, root: Path, patches: Sequence[Patch], log: Log = no_log, system: str = "linux"
) -> SourceTree:
    """The archive unpacked to `root`, its version.txt corrected, `patches` applied in order.

    A tree that is already there for the same archive and patches, and whole, is used again, its build output kept. What
    counts as whole depends on the `system` whose setup.py runs in it.
    """
    applied = tuple(patch.id for patch in patches)
    wanted = {"sha256": archive.sha256, "patches": list(applied), "edits": _edits(patches)}
    note = stamped_note(root)
    if note and note["wanted"] == wanted:
        damage = damage_of(root, every_byte=True)
        if not damage:
            return SourceTree(root=root, archive=archive, patches=applied, corrections=tuple(note["corrections"]))
        log(f"  the unpacked source is not as it was left: {damage}; unpacked anew")
    unpack(archive.path, root)
    corrections = _correct_version(root, archive.version)
    for patch in patches:
        apply_patch(patch, root, archive.version)
    stamp_tree(root, {"wanted": wanted, "corrections": list(corrections)}, without=OF_UPSTREAM[system])
    return SourceTree(root=root, archive=archive, patches=applied, corrections=corrections)


def require_whole(tree: SourceTree) -> None:
    """Raise SourceError when a file of the tree is gone: upstream would package what is left without a word."""
    if damage := missing_from(tree.root):
        raise SourceError(
            f"{tree.root} lost files while the wheel was built: {damage}; run again, it is unpacked anew",
            id="source-damaged",
        )


def _edits(patches: Sequence[Patch]) -> list[Mapping[str, str | None]]:
    return [asdict(edit) for patch in patches for edit in patch.edits]


def _correct_version(root: Path, version: str) -> tuple[str, ...]:
    """The v0.18.0 tag says 0.17.7 in version.txt: the release that was asked for is what counts."""
    file = root / "version.txt"
    if not file.is_file():
        raise SourceError(
            f"the archive of DeepSpeed {version} holds no version.txt: it is not a DeepSpeed source",
            id="source-mismatch",
        )
    found = file.read_text(encoding="utf-8").strip()
    if found == version:
        return ()
    if found.split(".")[0] != version.split(".")[0]:
        raise SourceError(f"the archive says it is DeepSpeed {found}, not {version}", id="source-mismatch")
    file.write_text(version + "\n", encoding="utf-8")
    return (f"version.txt said {found}",)


def _cached(version: str, directory: Path, kind: str, pinned: str | None) -> SourceArchive | None:
    """The archive of an earlier download; None, and its note gone, when it is not what was downloaded or is pinned.

    A tag's must have been compared with the sdist that is pinned.
    """
    note = directory / f"deepspeed-{version}-{kind}.json"
    saved = read_record(note)
    vouched = saved and (saved.get("sdist") if kind == "tag" else saved["sha256"])
    accepted = pinned == vouched or (pinned is None and kind == "sdist")
    if saved and accepted and has_digest(directory / saved["file"], saved["sha256"]):
        touch(note)
        path = directory / saved["file"]
        return SourceArchive(path=path, version=version, kind=kind, url=saved["url"], sha256=saved["sha256"])
    note.unlink(missing_ok=True)
    return None


def _noted(path: Path, *, version: str, kind: str, url: str, **more: str) -> SourceArchive:
    """The archive in `path`, written down so that `_cached` finds it."""
    digest = sha256_of(path)
    note = path.parent / f"deepspeed-{version}-{kind}.json"
    write_record(note, {"file": path.name, "url": url, "sha256": digest, **more})
    return SourceArchive(path=path, version=version, kind=kind, url=url, sha256=digest)


def _fetch_tag(version: str, directory: Path, pinned: str | None, log: Log) -> SourceArchive:
    """The members of the tag's archive that are vouched for, packed anew."""
    if pinned is None:
        raise SourceError(
            f"DeepSpeed {version}: deepspeed.yaml has no digest of its sdist, so nothing vouches for its tag",
            id="tag-not-verified",
        )
    url = os.environ.get(TAG_VARIABLE, TAG_ARCHIVE).format(version=version)
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"deepspeed-{version}-tag.tar"
    with draft_of(path) as draft:
        with _downloaded_tag(url, path.with_name(f"{path.name}.gz")) as archive:
            sdist = _cached(version, directory, "sdist", pinned) or _fetch_sdist(version, directory, pinned)
            members, left_out = vouched_members(archive, sdist.path, load_facts().tag_files, version)
        pack_members(members, f"DeepSpeed-{version}", draft)
    log(f"  tag of {version}: {len(members)} files as the sdist has them, {len(left_out)} others left out")
    return _noted(path, version=version, kind="tag", url=redacted(url), sdist=pinned)


@contextmanager
def _downloaded_tag(url: str, path: Path) -> Iterator[Path]:
    """The archive as it came; gone when the block ends, since most of it is nothing that is built from."""
    try:
        with draft_of(path) as draft:
            _download(url, draft)
            check_archive(draft)
    except SourceError as error:  # a log-in page, for one: as good as not reached
        raise requests.exceptions.ContentDecodingError(str(error)) from None
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def _download(url: str, path: Path) -> None:
    """Save what is at `url`; a connection that is dropped midway is an error."""
    own = {"Accept-Encoding": "identity"}  # the archive is compressed already
    with get(url, stream=True, timeout=TIMEOUT, headers=own) as answer:
        save(answer, path, MOST_BYTES)


def _fetch_sdist(version: str, directory: Path, pinned: str | None) -> SourceArchive:
    directory.mkdir(parents=True, exist_ok=True)
    with open_index() as client:
        sdist = sdist_of("deepspeed", version, client)
        if sdist is None:
            raise SourceError(f"the index holds no sdist of DeepSpeed {version}", id="source-not-available")
        path = directory / sdist.filename
        with draft_of(path) as draft:
            save_package(sdist, client, draft, MOST_BYTES)
            digest, stated = sha256_of(draft), sdist.digests.get("sha256")
            if digest != stated:
                problem = f"sha256 {digest} is not {stated or 'stated by the index'}"
                raise SourceError(
                    f"{path.name}: {problem}; run again, and distrust the index if it stays", id="digest-mismatch"
                )
            if pinned and digest != pinned:
                problem = f"sha256 {digest} is not {pinned}, which deepspeed.yaml names"
                raise SourceError(f"{path.name}: {problem}", id="digest-mismatch")
    return _noted(path, version=version, kind="sdist", url="sdist of the default index")


def _short(error: Exception) -> str:
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"HTTP {error.response.status_code}"
    return type(error).__name__
