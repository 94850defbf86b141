"""The listing of what each release's source holds: it is written as it is read, and it is that of today's rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.commands.source_list import files_of
from scripts.dirs import default_dirs
from scripts.errors import DataError
from scripts.facts.load import load_facts
from scripts.facts.source_files import (
    LISTING,
    digest_in_wheel,
    patch_digests,
    read_source_listing,
    source_listing_text,
    wheel_name,
)

FACTS = load_facts()


def test_the_file_lists_every_pinned_release_and_the_patches_as_they_are() -> None:
    listing = read_source_listing(LISTING)
    pinned = {release.version: release.sdist_sha256 for release in FACTS.deepspeed.values() if release.sdist_sha256}
    assert {each.release: each.sdist_sha256 for each in listing.releases.values()} == pinned, (
        "python -m scripts.commands.source_list"
    )
    assert listing.patches == patch_digests(FACTS.patches), "python -m scripts.commands.source_list"


def test_compression_is_asked_of_every_release_that_has_it_and_of_no_other() -> None:
    asked = FACTS.verification_parts["compression"].versions
    listing = read_source_listing(LISTING)
    has = [name for name, each in listing.releases.items() if "deepspeed/compression/compress.py" in each.files]
    assert "0.14.5" in has
    assert [name for name in listing.releases if name in asked] == has


def test_what_is_read_is_written_again_and_small() -> None:
    assert source_listing_text(read_source_listing(LISTING)) == LISTING.read_text(encoding="utf-8")
    assert LISTING.stat().st_size < 300_000


@pytest.mark.network
@pytest.mark.parametrize("release", ["0.14.5", "0.19.8"])
def test_the_pinned_sdist_gives_what_is_listed(release: str) -> None:
    assert files_of(release, FACTS, default_dirs()) == read_source_listing(LISTING).releases[release]


def test_a_line_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "listing.txt").write_text("release 1.0 abc\nfile a\n2.0 d\n", encoding="utf-8")
    with pytest.raises(DataError) as caught:
        read_source_listing(tmp_path / "listing.txt")
    assert "line 3" in "".join(caught.value.problems)


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("deepspeed/runtime/engine.py", "deepspeed/runtime/engine.py"),
        ("deepspeed/git_version_info_installed.py", None),
        ("bin/ds", "scripts/ds"),
        ("LICENSE", "dist-info/LICENSE"),
        ("deepspeed.egg-info/entry_points.txt", "dist-info/entry_points.txt"),
        ("deepspeed.egg-info/SOURCES.txt", None),
        ("csrc/adam/cpu_adam.cpp", None),
        ("setup.py", None),
    ],
)
def test_what_a_source_file_is_called_in_a_wheel(source: str, name: str | None) -> None:
    assert wheel_name(source) == name


def test_what_setuptools_writes_its_own_way_is_the_same_file() -> None:
    assert digest_in_wheel("scripts/ds", b"#!/usr/bin/env python3\nx\n") == digest_in_wheel(
        "scripts/ds", b"#!python\nx\n"
    )
    assert digest_in_wheel("scripts/ds", b"#!/bin/sh\nx\n") != digest_in_wheel("scripts/ds", b"#!python\nx\n")
    points = "dist-info/entry_points.txt"
    assert digest_in_wheel(points, b"[a]\nb = c\n\n") == digest_in_wheel(points, b"[a]\r\nb = c")
