"""A folder out of a large wheel comes without the rest of it, and only as RECORD names it."""

from __future__ import annotations

import base64
import hashlib
import io
import random
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from scripts.errors import PrerequisiteError
from scripts.fetch import wheel_part
from scripts.fetch.wheel_part import fetch_folder
from tests.fetch.range_server import Fault, FileServer, serving_files

WHEEL = "big-1.0-py3-none-win_amd64.whl"
FILES = {
    "big/lib/first.lib": random.Random(1).randbytes(900_000),
    "big/include/a.h": b"#define A\n",
    "big/include/sub/b.h": b"#define B\n",
    "big/lib/last.lib": random.Random(2).randbytes(900_000),
}


def make_wheel(files: Mapping[str, bytes], recorded: Mapping[str, bytes]) -> tuple[bytes, str]:
    """The wheel's bytes and the digest of its RECORD, which is made from `recorded`."""
    lines = []
    for name, content in recorded.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        lines.append(f"{name},sha256={digest},{len(content)}\n")
    record = "".join([*lines, "big-1.0.dist-info/RECORD,,\n"])
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        archive.writestr("big-1.0.dist-info/RECORD", record)
    return buffer.getvalue(), hashlib.sha256(record.encode()).hexdigest()


def site_of(wheel: bytes) -> dict[str, bytes]:
    page = f'<!DOCTYPE html><html><body><a href="/files/{WHEEL}">{WHEEL}</a></body></html>'
    return {"/simple/big/": page.encode(), f"/files/{WHEEL}": wheel}


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wheel_part, "AHEAD", 1 << 12)


def use(site: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", f"{site.url}/simple/")


def test_only_the_folder_comes_and_an_answer_that_breaks_off_is_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel, digest = make_wheel(FILES, FILES)
    with serving_files(site_of(wheel)) as site:
        use(site, monkeypatch)
        site.faults[f"/files/{WHEEL}"] = [Fault(sent=10), Fault(status=503)]
        fetch_folder(WHEEL, len(wheel), digest, "big/include", tmp_path / "to")
    found = {path.relative_to(tmp_path / "to").as_posix(): path.read_bytes() for path in (tmp_path / "to").rglob("*.h")}
    assert found == {"a.h": FILES["big/include/a.h"], "sub/b.h": FILES["big/include/sub/b.h"]}
    assert not list((tmp_path / "to").rglob("*.lib"))


@pytest.mark.parametrize("altered", ["file", "record"])
def test_what_is_not_as_it_is_known_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, altered: str) -> None:
    files = {**FILES, "big/include/a.h": b"#define EVIL\n"} if altered == "file" else FILES
    wheel, digest = make_wheel(files, FILES)
    with serving_files(site_of(wheel)) as site:
        use(site, monkeypatch)
        with pytest.raises(
            PrerequisiteError, match=r"a\.h is not what RECORD" if altered == "file" else "RECORD"
        ) as info:
            fetch_folder(WHEEL, len(wheel), digest if altered == "file" else "0" * 64, "big/include", tmp_path / "to")
    assert info.value.id == "digest-mismatch"


def test_a_server_that_gives_no_parts_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel, digest = make_wheel(FILES, FILES)
    with serving_files(site_of(wheel), ranges=False) as site:
        use(site, monkeypatch)
        with pytest.raises(PrerequisiteError, match="gives no part of a file"):
            fetch_folder(WHEEL, len(wheel), digest, "big/include", tmp_path / "to")


def test_a_wheel_that_the_index_has_not_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving_files({"/simple/big/": b"<!DOCTYPE html><html><body></body></html>"}) as site:
        use(site, monkeypatch)
        with pytest.raises(PrerequisiteError, match=f"the index has no {WHEEL}"):
            fetch_folder(WHEEL, 1, "0" * 64, "big/include", tmp_path / "to")
