"""Headers are put together once, and once more when they are not as they were left."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
import requests

from scripts.facts.load import load_facts
from scripts.portability import header_folders
from scripts.portability.header_folders import c_headers, python_headers
from tests.wheel_build.factories import Page, serving, write_tree

FACTS = load_facts()
pytestmark = pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")


@pytest.mark.parametrize("damage", ["lost", "another", "stamp lost", "none"])
def test_headers_that_are_not_as_they_were_left_are_put_together_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    system = write_tree(tmp_path / "system", {"stdlib.h": "a", "sys/types.h": "b"})
    facts = replace(FACTS, front_end=replace(FACTS.front_end, c_headers=str(system), without=()))
    monkeypatch.setattr(header_folders, "WHOLE", set())
    folder = c_headers(facts, tmp_path / "cache")
    write_tree(tmp_path / "cache", {"of_torch.pch": "", "of_torch.pch.stamp.json": ""})
    if damage == "stamp lost":
        (folder / ".stamp.json").unlink()
    elif damage != "none":
        (folder / "stdlib.h").unlink()
        if damage == "another":
            (folder / "stdlib.h").symlink_to("/dev/null")
    monkeypatch.setattr(header_folders, "WHOLE", set())
    assert c_headers(facts, tmp_path / "cache") == folder
    assert (folder / "stdlib.h").readlink() == system / "stdlib.h"
    assert (folder / "sys" / "types.h").read_text() == "b"
    made_of_them = [path.name for path in (tmp_path / "cache").iterdir() if path.name.startswith("of_torch")]
    assert len(made_of_them) == (2 if damage == "none" else 0), "clang takes none of headers that are newer"


def test_an_archive_of_headers_that_does_not_end_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row = FACTS.python_headers
    name = f"{row.project.replace('-', '_')}-{row.version}.tar.gz"
    link = f'<!DOCTYPE html><html><body><a href="/{name}">{name}</a></body></html>'
    pages = {
        f"/simple/{row.project}/": Page(body=link.encode(), headers={"Content-Type": "text/html"}),
        f"/{name}": Page(body=bytes(1001)),
    }
    monkeypatch.setattr(header_folders, "MOST_BYTES", 1000)
    with serving(pages) as site:
        monkeypatch.setenv("PIP_INDEX_URL", f"{site.url}/simple")
        with pytest.raises(requests.RequestException, match="more than 1000 bytes come"):
            python_headers(row, tmp_path)
