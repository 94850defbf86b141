"""source_files.txt: what a release's source puts into a wheel, name by name, each with a digest.

The file is written by `python -m scripts.commands.source_list` from the pinned sdists. Each line of a file says from
which release on it has which content, so that a new release adds lines for what changed in it, and no others.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import TypeAlias

from packaging.version import Version

from scripts.errors import DataError
from scripts.facts.deepspeed_releases import Patch

LISTING = Path(__file__).parent.parent / "data" / "source_files.txt"
LISTING_VARIABLE = "DEEPSPEED_WHEELS_SOURCE_FILES"  # another listing, such as of a fork's releases
LETTERS = 20  # of a digest in base64: 120 bits of sha256
BUILD_RECORD = "deepspeed/git_version_info_installed.py"  # what each build writes anew
PYTHON_LINE = re.compile(rb"#!.*python.*")  # setuptools writes another first line into scripts
REQUIREMENTS = "requirements/requirements.txt"  # what installing a release installs, where its setup.py reads it
GONE = "-"

Applied: TypeAlias = tuple[str, ...]  # ids of the patches that touch a file, in their order; none for the source's own


@dataclass(frozen=True, kw_only=True)
class SourceFiles:
    """What one release puts into a wheel; names are those inside, `scripts/` and `dist-info/` without the version."""

    release: str
    sdist_sha256: str
    files: Mapping[str, Mapping[Applied, str]]  # name -> patches that were applied to it -> digest
    requires: tuple[str, ...] = ()  # "pydantic>=2.0.0"; none where that is not listed


@dataclass(frozen=True, kw_only=True)
class SourceListing:
    """Every release that is listed, and which text of each patch the listed digests are of."""

    patches: Mapping[str, str]
    releases: Mapping[str, SourceFiles] = field(default_factory=dict)


def wheel_name(source: str) -> str | None:
    """What a file of the source is called in a wheel; None for one that is not packaged."""
    top, _, rest = source.partition("/")
    if top == "deepspeed" and rest:
        return None if source == BUILD_RECORD else source
    if top == "bin" and rest:
        return f"scripts/{rest}"
    if source == "LICENSE":
        return "dist-info/LICENSE"
    return f"dist-info/{rest}" if top.endswith(".egg-info") and rest in ("entry_points.txt", "top_level.txt") else None


def digest_in_wheel(name: str, content: bytes) -> str:
    """The digest of a file by its name in a wheel; what setuptools writes its own way is compared by its words."""
    if name.startswith("scripts/"):
        first, gap, rest = content.partition(b"\n")
        content = (b"#!python" if PYTHON_LINE.match(first) else first) + gap + rest
    elif name in ("dist-info/entry_points.txt", "dist-info/top_level.txt"):
        content = b"\n".join(line.strip() for line in content.splitlines() if line.strip())
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode()[:LETTERS]


def patch_digests(patches: Iterable[Patch]) -> Mapping[str, str]:
    """Which text each patch has, by its id."""

    def digest(patch: Patch) -> str:
        text = json.dumps([asdict(edit) for edit in patch.edits], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:LETTERS]

    return {patch.id: digest(patch) for patch in patches}


def listing_file() -> Path:
    """The listing that holds: the repository's, unless the variable names another."""
    return Path(os.environ.get(LISTING_VARIABLE) or LISTING)


@cache
def read_source_listing(path: Path) -> SourceListing:
    """What the file lists; raises DataError for a line that cannot be read."""
    sums: dict[str, str] = {}
    patches: dict[str, str] = {}
    changes: dict[tuple[str, Applied], dict[str, str]] = {}
    requires: dict[str, tuple[str, ...]] = {}
    name = ""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(path.name, [f"cannot be read: {error}; {LISTING_VARIABLE} names another"]) from None
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split()
        if not words or line.startswith("#"):
            continue
        if words[0] == "file" and len(words) == 2:
            name = words[1]
        elif words[0] == "requires" and len(words) > 2:
            requires[words[1]] = tuple(words[2:])
        elif words[0] in ("release", "patch") and len(words) == 3:
            (sums if words[0] == "release" else patches)[words[1]] = words[2]
        elif len(words) in (2, 3) and words[0] in sums and name:
            applied = tuple(words[2].split("+")) if words[2:] else ()
            changes.setdefault((name, applied), {})[words[0]] = words[1]
        else:
            raise DataError(path.name, [f"line {number}: {line!r} cannot be read; write the file anew"])
    return SourceListing(patches=patches, releases=_unrolled(sums, changes, requires))


def _unrolled(
    sums: Mapping[str, str],
    changes: Mapping[tuple[str, Applied], Mapping[str, str]],
    requires: Mapping[str, tuple[str, ...]],
) -> Mapping[str, SourceFiles]:
    files: dict[str, dict[str, dict[Applied, str]]] = {release: {} for release in sums}
    for (name, applied), since in changes.items():
        digest = GONE
        for release in sums:
            digest = since.get(release, digest)
            if digest != GONE:
                files[release].setdefault(name, {})[applied] = digest
    asked: dict[str, tuple[str, ...]] = {}
    last: tuple[str, ...] = ()
    for release in sums:
        asked[release] = last = requires.get(release, last)
    return {r: SourceFiles(release=r, sdist_sha256=sums[r], files=files[r], requires=asked[r]) for r in sums}


def source_listing_text(listing: SourceListing) -> str:
    """The text of the file."""
    releases = [listing.releases[release] for release in sorted(listing.releases, key=Version)]
    head = [
        "# What the source of each DeepSpeed puts into a wheel; written by python -m scripts.commands.source_list.",
        "#   release  a release and the sha256 of its sdist, which deepspeed.yaml pins",
        "#   patch    a patch of deepspeed.yaml and the digest of its edits",
        "#   requires what its requirements.txt asks for, from which release on",
        "#   file     a file, and from which release on it has which content (- for none), under which patches",
    ]
    lines = [f"release {each.release} {each.sdist_sha256}" for each in releases]
    lines += [f"patch {patch} {digest}" for patch, digest in listing.patches.items()]
    for before, each in zip([None, *releases], releases, strict=False):
        if each.requires and (before is None or before.requires != each.requires):
            lines.append(f"requires {each.release} {' '.join(each.requires)}")
    for name in sorted({name for each in releases for name in each.files}):
        lines += [f"file {name}", *_changes(name, releases)]
    return "\n".join([*head, *lines, ""])


def _changes(name: str, releases: Iterable[SourceFiles]) -> Iterator[str]:
    last: dict[Applied, str] = {}
    for each in releases:
        found = each.files.get(name, {})
        for applied in sorted({*found, *last}):
            digest = found.get(applied, GONE)
            if digest != last.get(applied, GONE):
                yield " ".join([each.release, digest, *(["+".join(applied)] if applied else [])])
                last[applied] = digest
