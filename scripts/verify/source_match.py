"""Whether a wheel's files are those of the release that it names: none missing, none changed, none foreign."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from scripts.dirs import default_dirs
from scripts.errors import InputError
from scripts.facts.load import load_facts
from scripts.facts.source_files import (
    BUILD_RECORD,
    Applied,
    SourceFiles,
    digest_in_wheel,
    listing_file,
    patch_digests,
    read_source_listing,
)
from scripts.fetch.sdist_files import read_sdist
from scripts.files import has_digest
from scripts.verify.check import Verdict, verdict
from scripts.verify.member_paths import misplaced
from scripts.verify.recorded import Recorded

NAMED = 3  # of the files in question
# what a .dist-info holds beside the licence; what installers write there themselves is not among it
OF_METADATA = re.compile(r"METADATA|WHEEL|RECORD|entry_points\.txt|top_level\.txt|(licenses|sboms)/.+")
LICENCES = ("dist-info/LICENSE", "dist-info/licenses/LICENSE")
WITHOUT = "; without {count} others of it: what is not compiled inside cannot be compiled later"
# of its sources, which upstream leaves out of Windows wheels, a wheel has all or none
CSRC = "deepspeed/ops/csrc/"
TOP_LEVEL = "dist-info/top_level.txt"


def files_of_release(version: str) -> SourceFiles | None:
    """What the release's source puts into a wheel: as it is listed, else as the sdist in the cache has it."""
    facts = load_facts()
    release = facts.deepspeed.get(version)
    if release is None or release.sdist_sha256 is None:
        return None
    listing = read_source_listing(listing_file())
    listed = listing.releases.get(version)
    if listed and listed.sdist_sha256 == release.sdist_sha256 and listing.patches == patch_digests(facts.patches):
        return listed
    archive = default_dirs().sources / f"deepspeed-{version}.tar.gz"
    return read_sdist(archive, version, facts.patches) if has_digest(archive, release.sdist_sha256) else None


@dataclass(frozen=True, kw_only=True)
class SourceMatch:
    """The files of an opened wheel beside those of its release's source."""

    recorded: Recorded
    patches: Sequence[str] | None  # those that the manifest names; None: any may have been applied

    @cached_property
    def passed_over(self) -> frozenset[str]:
        """The members that another check judges: compiled modules, and what RECORD or its place is wrong about."""
        content = self.recorded.content
        elsewhere = (name for name, _ in misplaced(content))
        return frozenset((BUILD_RECORD, *content.extensions, *self.recorded.faults, *elsewhere))

    @cached_property
    def source(self) -> SourceFiles | None:
        """The files of the release; None when they are not known."""
        return files_of_release(self.recorded.content.version.public)

    @cached_property
    def members(self) -> Mapping[str, str]:
        """The members to look at: name as the source lists it -> name in the wheel."""
        content = self.recorded.content
        info, data = f"{content.info_folder}/", f"{content.info_folder.removesuffix('.dist-info')}.data/scripts/"
        starts = {"deepspeed/": "deepspeed/", info: "dist-info/", data: "scripts/"}
        judged = [member for member in content.members if member not in self.passed_over]
        return {
            listed + member.removeprefix(start): member
            for member in judged
            for start, listed in starts.items()
            if member.startswith(start)
        }

    def variant(self, name: str, listed: str = "") -> Applied | None:
        """With which patches the member is as in the source; None when it is not."""
        variants = self.source.files.get(listed or name, {}) if self.source else {}
        found = self._digests(listed or name, self.members[name])
        touching = {patch for applied in variants for patch in applied}
        stated = tuple(patch for patch in self.patches or () if patch in touching)
        allowed = variants if self.patches is None or name.startswith("scripts/") else {stated: variants.get(stated)}
        return next((applied for applied, digest in allowed.items() if digest in found), None)

    def _digests(self, name: str, member: str) -> set[str]:
        """Of the content; on Windows also of what it was before git gave it the line ends of Windows."""
        content = self.recorded.content
        data = content.files.read_small(member)
        texts = [data, data.replace(b"\r\n", b"\n")] if content.system == "windows" else [data]
        return {digest_in_wheel(name, text) for text in texts}

    def lacks(self) -> tuple[list[str], list[str]]:
        """The files of the source that are not inside: those that must be, and the others."""
        assert self.source is not None
        gone = set(self.source.files) - set(self.members) - self.passed_over
        lost = sorted(name for name in gone if name.startswith("deepspeed/") and self.source.files[name].get(()))
        needed = [name for name in lost if self._is_needed(name)]
        return needed, [name for name in lost if name not in needed]

    def _is_needed(self, name: str) -> bool:
        if self.recorded.content.system == "linux" or name.endswith(".py"):
            return True
        return name.startswith(CSRC) and not name.endswith(".json") and self._has_csrc

    @cached_property
    def _has_csrc(self) -> bool:
        return any(name.startswith(CSRC) and not name.endswith(".py") for name in self.members)


def check_source_files(match: SourceMatch) -> Verdict:
    """Every file of the release's source is there, as it is there or as a patch of the manifest makes it; no other.

    Of a wheel for Windows that is the Python files, and of `csrc` all or nothing. A release that is not listed in
    `source_files.txt` is said to be unknown.
    """
    if match.source is None:
        return (None if match.patches is None else False), unknown_release(match)
    needed, others = match.lacks()
    applied: set[str] = set()
    changed, foreign = [], []
    for name in match.members:
        if not name.startswith("deepspeed/") and name != TOP_LEVEL:
            continue
        if name not in match.source.files:
            foreign.append(name)
        elif (patches := _variant(match, name)) is None:
            changed.append(name)
        else:
            applied |= set(patches)
    foreign += [name for name in match.members if _is_foreign_metadata(name)]
    faults = [*_told(needed, "missing"), *_told(changed, "not as in the source"), *_told(foreign, "not DeepSpeed's")]
    good = f"the files of DeepSpeed {match.source.release}"
    good += f", changed by {', '.join(sorted(applied))}" if applied else ""
    return verdict([*faults, *_licence(match)], good + (WITHOUT.format(count=len(others)) if others else ""))


def unknown_release(match: SourceMatch) -> str:
    """Why the files were compared with nothing."""
    version = match.recorded.content.version.public
    if version not in load_facts().deepspeed:
        return f"DeepSpeed {version} is not a release known here: its files were compared with nothing"
    return (
        f"the files of DeepSpeed {version} are not listed, and its sdist is not in the cache; "
        "python -m scripts.commands.source_list lists them"
    )


def _variant(match: SourceMatch, name: str, listed: str = "") -> Applied | None:
    try:
        return match.variant(name, listed)
    except InputError:  # longer than any of the source's: RECORD names what cannot be unpacked
        return None


def _is_foreign_metadata(name: str) -> bool:
    folder, _, rest = name.partition("/")
    return folder == "dist-info" and name not in LICENCES and not OF_METADATA.fullmatch(rest)


def _licence(match: SourceMatch) -> Iterator[str]:
    """DeepSpeed's licence, where setuptools puts it today or put it before."""
    assert match.source is not None
    if LICENCES[0] not in match.source.files:
        return
    found = [name for name in LICENCES if name in match.members]
    info = match.recorded.content.info_folder
    damaged = any(name.replace("dist-info", info, 1) in match.passed_over for name in LICENCES)
    if not found and not damaged:
        yield "missing: DeepSpeed's LICENSE"
    elif any(_variant(match, name, LICENCES[0]) is None for name in found):
        yield "not as in the source: LICENSE"


def _told(names: Iterable[str], what: str) -> Iterator[str]:
    found = sorted(names)
    if found:
        more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
        yield f"{what}: {', '.join(found[:NAMED])}{more}"
