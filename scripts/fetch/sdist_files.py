"""`read_sdist`: what a release's sdist puts into a wheel, with and without the patches that it may need."""

from __future__ import annotations

import itertools
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from scripts.errors import SourceError
from scripts.facts.deepspeed_releases import Edit, Patch
from scripts.facts.source_files import REQUIREMENTS, Applied, SourceFiles, digest_in_wheel, wheel_name
from scripts.fetch.archive import DAMAGED
from scripts.files import sha256_of


def read_sdist(archive: Path, release: str, patches: Sequence[Patch]) -> SourceFiles:
    """The files of a sdist whose digest was checked; raises SourceError for one that cannot be read."""
    possible = [patch for patch in patches if _may_hold(patch, release)]
    sources = dict(_members(archive))
    written = {edit.file: b"" for patch in possible for edit in patch.edits if edit.write is not None}
    files: dict[str, Mapping[Applied, str]] = {}
    for source, content in {**written, **sources}.items():
        if name := wheel_name(source):
            texts: dict[Applied, bytes] = {(): content} if source in sources else {}
            texts.update(_patched(source, content, possible))
            files[name] = {applied: digest_in_wheel(name, text) for applied, text in texts.items()}
    requires = tuple(_requirements(sources.get(REQUIREMENTS, b"").decode("utf-8")))
    return SourceFiles(release=release, sdist_sha256=sha256_of(archive), files=files, requires=requires)


def _requirements(text: str) -> Iterator[str]:
    """The lines of a requirements.txt that ask for something, in their order."""
    for line in text.splitlines():
        if wanted := line.partition("#")[0].replace(" ", ""):
            yield wanted


def _may_hold(patch: Patch, release: str) -> bool:
    return all(term.answers[release] for term in patch.when.terms if term.name == "deepspeed")


def _members(archive: Path) -> Iterator[tuple[str, bytes]]:
    """The packaged files and the requirements, by their names below the archive's top directory."""
    try:
        with tarfile.open(archive) as tar:
            for entry in tar:
                name = entry.name.partition("/")[2]
                wanted = wheel_name(name) or name == REQUIREMENTS
                if entry.isfile() and wanted and (content := tar.extractfile(entry)):
                    yield name, content.read()
    except DAMAGED as error:
        raise SourceError(
            f"{archive}: cannot be read: {error}; delete it and run again", id="archive-damaged"
        ) from None


def _patched(name: str, content: bytes, patches: Sequence[Patch]) -> Iterator[tuple[Applied, bytes]]:
    """What the file can become, under each choice of the patches that change it."""
    touching = [(patch.id, [edit for edit in patch.edits if edit.touches(name)]) for patch in patches]
    changing = [(id, edits) for id, edits in touching if edits and _after(content, edits) != content]
    for count in range(1, len(changing) + 1):
        for chosen in itertools.combinations(changing, count):
            edits = [edit for _, some in chosen for edit in some]
            yield tuple(id for id, _ in chosen), _after(content, edits)


def _after(content: bytes, edits: Sequence[Edit]) -> bytes:
    text = content.decode("utf-8")
    for edit in edits:
        text = edit.changed(text)
    return text.encode("utf-8")
