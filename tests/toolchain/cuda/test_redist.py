"""A toolkit out of NVIDIA's archives is whole or not there, whatever goes wrong on the way."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import tarfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from scripts.command import Log, no_log
from scripts.errors import PrerequisiteError
from scripts.facts.load import load_facts
from scripts.fetch import download
from scripts.toolchain.cuda import redist
from scripts.toolchain.cuda import toolkit_store as store
from scripts.toolchain.cuda.discovery import NAMED_VARIABLE
from scripts.toolchain.cuda.provide import provide_toolkit
from scripts.toolchain.cuda.redist import REDIST_VARIABLE, read_manifest
from scripts.toolchain.cuda.toolkit import Toolkit
from tests.fetch.range_server import Fault, FileServer, serving_files
from tests.toolchain.archive_site import (
    PLATFORM,
    RELEASE,
    archive_bytes,
    component_contents,
    edit_manifest,
    make_site,
    path_of,
    write_mirror,
)
from tests.toolchain.stand_in import SYSTEM, compiler_name, nvcc_bytes
from tests.wheel_build.factories import driver_command, repository_variables

FACTS = load_facts()


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "PAUSES", (0.01, 0.01, 0.01, 0.01))
    monkeypatch.delenv(NAMED_VARIABLE, raising=False)


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    with serving_files(make_site()) as server:
        monkeypatch.setenv(REDIST_VARIABLE, server.url)
        yield server


def fetch(cache: Path, version: str = "12.4", log: Log = no_log) -> Toolkit:
    return provide_toolkit(version, choice="redist", facts=FACTS, cache=cache, system=SYSTEM, log=log)


def left(cache: Path) -> set[str]:
    folder = cache / "cuda"
    return {path.name for path in folder.iterdir() if path.suffix != ".lock"} if folder.is_dir() else set()


def test_the_archives_become_one_toolkit(tmp_path: Path, site: FileServer) -> None:
    lines: list[str] = []
    toolkit = fetch(tmp_path, log=lines.append)
    assert (toolkit.version, toolkit.nvcc, toolkit.source) == ("12.4", "12.4.131", "redist")
    assert toolkit.root == tmp_path / "cuda" / "12.4.1-redist"
    assert left(tmp_path) == {"12.4.1-redist"}
    assert sorted(path.name for path in toolkit.root.iterdir() if path.name not in ("lib64", ".stamp.json")) == [
        "bin",
        "include",
        "lib",
        "licences",
        "nvvm",
        "toolkit.json",
    ]
    assert json.loads((toolkit.root / "toolkit.json").read_text())["libcublas"] == "12.4.131"
    assert (toolkit.root / "licences" / "libcurand-LICENSE").read_text() == "licence of curand"
    assert toolkit.libraries.is_dir()
    assert lines[0].startswith("CUDA 12.4.1: 10 archives")


def test_only_what_is_needed_is_asked_for(tmp_path: Path, site: FileServer) -> None:
    fetch(tmp_path)
    assert sorted(path for path, _ in site.asked) == sorted(site.files)
    assert len(site.asked) == len({path for path, _ in site.asked}) == 11


def test_static_libraries_that_nothing_links_stay_packed(tmp_path: Path, site: FileServer) -> None:
    root = fetch(tmp_path).root
    assert list(root.rglob("libbig_static.a")) == []
    assert list(root.rglob("*cudart_static*"))


def test_cuda_13_has_its_compiler_in_three_archives(tmp_path: Path, site: FileServer) -> None:
    site.files = make_site("13.0.3", "13.0.88")
    toolkit = fetch(tmp_path, "13.0")
    assert toolkit.version == "13.0"
    assert {"cuda_crt", "libnvvm"} <= set(json.loads((toolkit.root / "toolkit.json").read_text()))


def test_a_named_release_is_fetched_and_a_minor_means_its_newest(tmp_path: Path, site: FileServer) -> None:
    site.files = {**make_site("13.0.2", "13.0.88"), **make_site("13.0.3", "13.0.88")}
    assert fetch(tmp_path, "13.0.2").root.name == "13.0.2-redist"
    assert fetch(tmp_path, "13.0").root.name == "13.0.3-redist"


def test_cccl_is_found_by_either_of_its_names(site: FileServer) -> None:
    edit_manifest(site.files, lambda document: document.update(cccl=document.pop("cuda_cccl")))
    assert "cccl" in {part.key for part in read_manifest(RELEASE, FACTS, SYSTEM)}


def test_a_second_run_needs_no_network(tmp_path: Path) -> None:
    with serving_files(make_site()) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv(REDIST_VARIABLE, server.url)
        first = fetch(tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(REDIST_VARIABLE, "http://127.0.0.1:9")
        assert fetch(tmp_path) == first


def test_a_mirror_may_be_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(REDIST_VARIABLE, str(write_mirror(tmp_path / "a mirror", make_site())))
    assert fetch(tmp_path / "cache").version == "12.4"


def test_a_mirror_may_be_a_file_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(REDIST_VARIABLE, write_mirror(tmp_path / "mirror", make_site()).as_uri() + "/")
    assert fetch(tmp_path / "cache").version == "12.4"


# ---------------------------------------------------------------- what goes wrong


def test_a_connection_dropped_midway_is_gone_on_with(tmp_path: Path, site: FileServer) -> None:
    path = path_of(site.files, "libcublas")
    site.faults[path] = [Fault(sent=len(site.files[path]) // 2)]
    assert fetch(tmp_path).version == "12.4"
    assert len([asked for asked, _ in site.asked if asked == path]) == 2


def refused(cache: Path, match: str) -> str:
    """What is said when no toolkit can be had; nothing that could be taken for one is left."""
    with pytest.raises(PrerequisiteError, match=match) as caught:
        fetch(cache)
    assert left(cache) <= {"12.4.1-redist.downloads"}
    return str(caught.value)


def test_a_truncated_archive_is_refused(tmp_path: Path, site: FileServer) -> None:
    path = path_of(site.files, "cuda_nvcc")
    site.files[path] = site.files[path][:-20]
    refused(tmp_path, "the connection ended after")


def test_an_archive_with_another_checksum_is_refused(tmp_path: Path, site: FileServer) -> None:
    path = path_of(site.files, "libcurand")
    site.files[path] = bytes(255 - byte for byte in site.files[path])
    refused(tmp_path, "sha256")


def test_after_a_failure_only_what_is_missing_is_fetched(tmp_path: Path, site: FileServer) -> None:
    path = path_of(site.files, "cuda_nvtx")
    good, site.files[path] = site.files[path], b"?" * len(site.files[path])
    refused(tmp_path, "sha256")
    arrived = {file.name for file in (tmp_path / "cuda" / "12.4.1-redist.downloads").iterdir()}
    site.files[path], site.asked = good, []
    assert fetch(tmp_path).version == "12.4"
    again = {Path(asked).name for asked, _ in site.asked} & {name for name in arrived if not name.endswith(".part")}
    assert again == set()


def test_a_manifest_without_a_component_names_it(tmp_path: Path, site: FileServer) -> None:
    edit_manifest(site.files, lambda document: document.pop("libcurand"))
    said = refused(tmp_path, "names no libcurand")
    assert "cuRAND" in said


def test_a_manifest_without_this_platform_says_so(tmp_path: Path, site: FileServer) -> None:
    edit_manifest(site.files, lambda document: document["cuda_cudart"].pop(PLATFORM))
    refused(tmp_path, f"no cuda_cudart for {PLATFORM}")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda entry: entry.pop("sha256"), "not as published"),
        (lambda entry: entry.update(sha256="abc"), "names no sha256"),
        (lambda entry: entry.update(size="many"), "not as published"),
        (lambda entry: entry.update(relative_path="../../etc/passwd"), "lies elsewhere"),
        (lambda entry: entry.update(relative_path="/etc/passwd"), "lies elsewhere"),
        (lambda entry: entry.update(relative_path="C:\\evil.zip"), "lies elsewhere"),
    ],
)
def test_a_manifest_with_an_odd_entry_is_refused(
    tmp_path: Path, site: FileServer, change: Callable[[dict[str, object]], None], match: str
) -> None:
    edit_manifest(site.files, lambda document: change(document["libcublas"][PLATFORM]))
    refused(tmp_path, match)


@pytest.mark.parametrize("page", [b"<html>log in</html>", b"[1, 2]", b""])
def test_what_is_no_manifest_is_said(tmp_path: Path, site: FileServer, page: bytes) -> None:
    site.files[f"/redistrib_{RELEASE}.json"] = page
    refused(tmp_path, "is not a manifest")


def test_a_release_that_the_archive_does_not_have_is_said(tmp_path: Path, site: FileServer) -> None:
    site.files.clear()
    refused(tmp_path, r"redistrib_12\.4\.1\.json: HTTP 404")


def test_a_full_disk_is_said_before_anything_is_fetched(
    tmp_path: Path, site: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=100))
    refused(tmp_path, "too full")
    assert [path for path, _ in site.asked] == [f"/redistrib_{RELEASE}.json"]


def test_a_disk_that_fills_up_while_unpacking_is_said(
    tmp_path: Path, site: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*rest: object, **options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tarfile.TarFile, "extractall", full)
    monkeypatch.setattr(zipfile.ZipFile, "extractall", full)
    refused(tmp_path, "the disk of .* is full; free some")


def escaping(name: str, link: str | None) -> bytes:
    """An archive with a member that would land outside."""
    buffer = io.BytesIO()
    if SYSTEM == "windows":
        with zipfile.ZipFile(buffer, "w") as zipped:
            zipped.writestr(f"top/{name}", b"evil")
        return buffer.getvalue()
    with tarfile.open(fileobj=buffer, mode="w:xz") as tar:
        info = tarfile.TarInfo(f"top/{name}")
        info.type, info.linkname = (tarfile.SYMTYPE, link) if link else (tarfile.REGTYPE, "")
        tar.addfile(info, io.BytesIO(b""))
    return buffer.getvalue()


@pytest.mark.parametrize(("name", "link"), [("../../evil.txt", None), ("lib/link", "../../../evil.txt")])
def test_an_archive_that_reaches_outside_is_refused(
    tmp_path: Path, site: FileServer, name: str, link: str | None
) -> None:
    if link and SYSTEM == "windows":
        pytest.skip("a zip holds no links")
    site.files = make_site(cublas=escaping(name, link))
    refused(tmp_path, "cannot be unpacked")
    assert list(tmp_path.rglob("evil.txt")) == []


def test_a_toolkit_whose_compiler_says_another_version_is_refused(tmp_path: Path, site: FileServer) -> None:
    site.files = make_site(full="12.6.85")
    refused(tmp_path, r"says it is CUDA 12\.6, not 12\.4")


def test_a_toolkit_whose_compiler_does_not_run_is_refused(tmp_path: Path, site: FileServer) -> None:
    contents = {**component_contents(12)["nvcc"], compiler_name(): nvcc_bytes(exit_code=1)}
    site.files = make_site(nvcc=archive_bytes("top", contents))
    refused(tmp_path, "exit code 1")


def test_an_archive_without_what_it_should_hold_is_noticed(tmp_path: Path, site: FileServer) -> None:
    site.files = make_site(curand=archive_bytes("top", {"README": b"nothing"}))
    refused(tmp_path, "cuRAND")


@pytest.mark.parametrize("damage", ["lost", "cut", "flipped", "stamp lost"])
def test_a_stored_toolkit_that_is_not_as_it_was_left_is_fetched_again(
    tmp_path: Path, site: FileServer, damage: str
) -> None:
    root = fetch(tmp_path).root
    file = root / "licences" / "libcurand-LICENSE"  # no file that is asked for by name
    whole = file.read_bytes()
    if damage == "lost":
        file.unlink()
    elif damage == "cut":
        file.write_bytes(whole[:-1])
    elif damage == "flipped":
        file.write_bytes(bytes([whole[0] ^ 1]) + whole[1:])
    else:
        (root / ".stamp.json").unlink()
    lines: list[str] = []
    assert (fetch(tmp_path, log=lines.append).root / "licences" / "libcurand-LICENSE").read_bytes() == whole
    what = "has no valid stamp" if damage == "stamp lost" else "licences/libcurand-LICENSE "
    assert [line for line in lines if "is not as it was left: " in line and what in line]


# ---------------------------------------------------------------- interrupted, and several at once


@pytest.mark.parametrize(
    ("module", "name"),
    [
        (redist, "read_manifest"),
        (redist, "download_all"),
        (redist, "unpack"),
        (redist, "merge"),
        (store, "examine"),
        (store, "rename_patiently"),
    ],
)
def test_interrupted_anywhere_nothing_half_is_left_and_the_next_run_succeeds(
    tmp_path: Path, site: FileServer, monkeypatch: pytest.MonkeyPatch, module: object, name: str
) -> None:
    def interrupt(*rest: object, **options: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, name, interrupt)
        with pytest.raises(KeyboardInterrupt):
            fetch(tmp_path)
    assert left(tmp_path) <= {"12.4.1-redist.downloads"}
    assert fetch(tmp_path).version == "12.4"
    assert left(tmp_path) == {"12.4.1-redist"}


FETCHING = """
import sys, time
from pathlib import Path
from scripts.facts.load import load_facts
from scripts.toolchain.cuda import redist
from scripts.toolchain.cuda.provide import provide_toolkit
from scripts.toolchain.cuda.toolkit import this_system
merge = redist.merge
def slow(*rest):
    Path(sys.argv[2]).touch()
    time.sleep(float(sys.argv[3]))
    merge(*rest)
redist.merge = slow
toolkit = provide_toolkit("12.4", choice="redist", facts=load_facts(), cache=Path(sys.argv[1]), system=this_system())
print(toolkit.root)
"""


def start_fetching(cache: Path, sign: Path, pause: float) -> subprocess.Popen[str]:
    command = driver_command(FETCHING, str(cache), str(sign), str(pause))
    return subprocess.Popen(command, env=repository_variables(), stdout=subprocess.PIPE, text=True)


def wait_for(sign: Path) -> None:
    deadline = time.monotonic() + 120
    while not sign.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert sign.exists()


def test_two_processes_at_once_fetch_it_once(tmp_path: Path, site: FileServer) -> None:
    both = [start_fetching(tmp_path / "cache", tmp_path / "sign", 0.02) for _ in range(2)]
    roots = [process.communicate(timeout=60)[0].strip() for process in both]
    assert roots == [str(tmp_path / "cache" / "cuda" / "12.4.1-redist")] * 2
    assert len(site.asked) == 11


def test_a_process_that_is_killed_leaves_nothing_that_counts(tmp_path: Path, site: FileServer) -> None:
    process = start_fetching(tmp_path / "cache", tmp_path / "sign", 30)
    wait_for(tmp_path / "sign")
    process.kill()
    process.communicate(timeout=30)
    assert "12.4.1-redist" not in left(tmp_path / "cache")
    assert fetch(tmp_path / "cache").version == "12.4"
    assert left(tmp_path / "cache") == {"12.4.1-redist"}
