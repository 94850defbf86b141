"""The source of the small DeepSpeed that the tests' wheels are made of, in place of each release's own."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from scripts.facts.load import load_facts
from scripts.facts.source_files import (
    LISTING_VARIABLE,
    Applied,
    SourceFiles,
    SourceListing,
    digest_in_wheel,
    patch_digests,
    source_listing_text,
)

FILES = {"deepspeed/__init__.py": b""}


def small_listing() -> str:
    """A listing in which each release holds no more than that."""
    facts = load_facts()
    files: dict[str, Mapping[Applied, str]] = {n: {(): digest_in_wheel(n, content)} for n, content in FILES.items()}
    pinned = {row.version: row.sdist_sha256 for row in facts.deepspeed.values() if row.sdist_sha256}
    releases = {v: SourceFiles(release=v, sdist_sha256=digest, files=files) for v, digest in pinned.items()}
    return source_listing_text(SourceListing(patches=patch_digests(facts.patches), releases=releases))


def list_small_sources(file: Path) -> None:
    """Have every process from now on take that listing for the repository's."""
    file.write_text(small_listing(), encoding="utf-8")
    os.environ[LISTING_VARIABLE] = str(file)


def list_small_sources_until_exit() -> None:
    """The same in a file that goes with this process; nothing where it is so already."""
    if LISTING_VARIABLE not in os.environ:
        folder = Path(tempfile.mkdtemp(prefix="listing-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        list_small_sources(folder / "small_source_files.txt")
