"""Writes scripts/data/source_files.txt from the pinned sdists: `python -m scripts.commands.source_list`.

To be run after a release, or a patch, was added to deepspeed.yaml. Sdists that the cache lacks are downloaded.
"""

from __future__ import annotations

from scripts.dirs import Dirs, default_dirs
from scripts.facts.facts import Facts
from scripts.facts.load import load_facts
from scripts.facts.source_files import (
    LISTING,
    SourceFiles,
    SourceListing,
    patch_digests,
    source_listing_text,
)
from scripts.fetch.sdist_files import read_sdist
from scripts.files import write_whole
from scripts.wheel_build.source import fetch_source


def make_listing(facts: Facts, dirs: Dirs) -> SourceListing:
    """What the sdist of each release holds whose digest is pinned."""
    found = {
        version: files_of(version, facts, dirs) for version, release in facts.deepspeed.items() if release.sdist_sha256
    }
    return SourceListing(patches=patch_digests(facts.patches), releases=found)


def files_of(version: str, facts: Facts, dirs: Dirs) -> SourceFiles:
    """What the sdist of a release holds, fetched where the cache lacks it."""
    pinned = facts.deepspeed[version].sdist_sha256
    archive = fetch_source(version, dirs.sources, kinds=("sdist",), pinned_sdist=pinned)
    return read_sdist(archive.path, version, facts.patches)


if __name__ == "__main__":
    write_whole(LISTING, source_listing_text(make_listing(load_facts(), default_dirs())))
