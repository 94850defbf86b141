"""What a build on Windows fetches, on loopback: the registry's wheels, a CUDA torch made of the CPU one, sources.

The torch is the registry's real one for Windows: only what it says of itself is changed, so that it takes itself to be
built for CUDA 12.4, and what no stand-in reads is left out. Everything is a folder of plain files with simple indexes.
"""

from __future__ import annotations

import base64
import hashlib
import html
import io
import os
import shutil
import subprocess
import tarfile
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

from scripts.facts.load import load_facts
from scripts.fetch.index_client import uv_variables
from scripts.fetch.installer import find_installer
from scripts.wheel_build.source import fetch_source
from tests.loopback_server import listening
from tests.wine.lab import Windows, download, make_once

PYTHON, TORCH, CUDA = "3.11", "2.6.0", "12.4"
VARIANT = "cu" + CUDA.replace(".", "")
DEEPSPEED = ("0.16.5", "0.19.8")
NUMPY = "numpy==1.26.4"  # 2.x asks for a function that Wine has not
RUN_TIME = ("hjson", "msgpack", "tqdm", "einops", "nvidia-ml-py", "psutil", "py-cpuinfo", "pydantic>=2.0.0")
LEFT_OUT = (".lib", ".pdb", ".exe", ".h", ".hpp", ".cuh", ".cpp")  # two thirds of torch; no stand-in reads them
LIBRARIES = (
    "c10",
    "c10_cuda",
    "sleef",
    "torch",
    "torch_cpu",
    "torch_cuda",
    "torch_python",
)  # that an extension is linked to
EDITS = {
    "torch/version.py": (
        (f"__version__ = '{TORCH}+cpu'", f"__version__ = '{TORCH}+{VARIANT}'"),
        ("cuda: Optional[str] = None", f"cuda: Optional[str] = '{CUDA}'"),
    ),
    "torch/utils/cpp_extension.py": (
        ("CUDA_HOME = _find_cuda_home() if torch.cuda._is_compiled() else None", "CUDA_HOME = _find_cuda_home()"),
    ),
    "METADATA": ((f"\nVersion: {TORCH}\n", f"\nVersion: {TORCH}+{VARIANT}\n"),),
}
# What a tag holds and an sdist does not; what an sdist holds and a tag does not.
BATCH = {"bin/deepspeed.bat": "ds", "bin/ds_report.bat": "ds_report"}  # as the official wheels have them
ONLY_TAG = {
    **{name: f'@echo off\r\npython "%~dp0\\{script}" %*\r\n' for name, script in BATCH.items()},
    "MANIFEST_win.in": (
        "include *.txt README.md\nrecursive-include requirements *.txt\nrecursive-include deepspeed *.py *.json\n"
    ),
}
ONLY_SDIST = ("PKG-INFO", "setup.cfg", "build.txt")


def gather_packages(windows: Windows) -> Path:
    """The folder that is served, made once: simple/, whl/cu124/ and tags/."""
    site = windows.folder / "site"
    text = Path(__file__).read_text(encoding="utf-8")
    make_once(windows, "site", [text, _requirements()], _gather, site)
    return site


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """The address of the folder on loopback, as long as the context lasts."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    with listening(server):
        yield f"http://127.0.0.1:{server.server_address[1]}"


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *words: object) -> None:
        """Say nothing."""


def _requirements() -> list[str]:
    base = load_facts().build_requirements
    return sorted({*base.packages, base.setuptools, *RUN_TIME, NUMPY, f"torch=={TORCH}"})


def _gather(windows: Windows, site: Path) -> None:
    shutil.rmtree(site, ignore_errors=True)
    by_name: dict[str, list[Path]] = {}
    for wheel in _download_wheels(windows.folder / "downloads" / "wheels"):
        by_name.setdefault(parse_wheel_filename(wheel.name)[0], []).append(wheel)
    plain_torch = by_name.pop("torch")[0]
    cuda_torch = windows.folder / "downloads" / f"torch-{TORCH}+{VARIANT}-cp311-cp311-win_amd64.whl"
    republish_torch(plain_torch, cuda_torch)
    by_name["deepspeed"] = [_sdist(windows, version) for version in DEEPSPEED]
    for name, found in by_name.items():
        write_index(site / "simple" / name, found)
    write_index(site / "whl" / VARIANT / "torch", [cuda_torch])
    (site / "tags").mkdir()
    for version, sdist in zip(DEEPSPEED, by_name["deepspeed"], strict=True):
        (site / "tags" / f"{version}.tar.gz").write_bytes(as_tag_archive(sdist, version))


def _download_wheels(folder: Path) -> list[Path]:
    """Every wheel that either environment of a build takes, for Windows: resolved by uv, fetched by pip."""
    uv = find_installer().uv
    assert uv, "uv is needed to resolve for another system"
    argv = [
        uv,
        "pip",
        "compile",
        "--quiet",
        "--no-header",
        "--no-annotate",
        "--python-version",
        PYTHON,
        "--python-platform",
        "x86_64-pc-windows-msvc",
        "--only-binary",
        ":all:",
        "-",
    ]
    asked = "\n".join(_requirements())
    found = subprocess.run(argv, env=_variables(), input=asked, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    pins = [line.strip() for line in found.stdout.splitlines() if line.strip()]
    download(folder, "--platform", "win_amd64", "--python-version", PYTHON, "--only-binary", ":all:", *pins)
    asked_for = {f"{canonicalize_name(one.name)}{one.specifier}" for one in map(Requirement, pins)}
    names = {wheel: parse_wheel_filename(wheel.name)[:2] for wheel in sorted(folder.glob("*.whl"))}
    return [wheel for wheel, (name, version) in names.items() if f"{name}=={version}" in asked_for]


def _variables() -> dict[str, str]:
    return {**os.environ, **uv_variables()}


def _sdist(windows: Windows, version: str) -> Path:
    pinned = load_facts().deepspeed[version].sdist_sha256
    return fetch_source(version, windows.folder / "downloads" / "sources", kinds=("sdist",), pinned_sdist=pinned).path


def write_index(folder: Path, files: Iterable[Path]) -> None:
    """The page of one project of a simple index, its files and their metadata beside it."""
    folder.mkdir(parents=True)
    lines = []
    for file in files:
        (folder / file.name).hardlink_to(file)
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        extra = ""
        if file.suffix == ".whl":
            metadata = _metadata(file)
            (folder / f"{file.name}.metadata").write_bytes(metadata)
            extra = f' data-core-metadata="sha256={hashlib.sha256(metadata).hexdigest()}"'
        place = html.escape(file.name.replace("+", "%2B"))
        lines.append(f'<a href="{place}#sha256={digest}"{extra}>{html.escape(file.name)}</a><br>\n')
    (folder / "index.html").write_text(f"<!DOCTYPE html>\n<html><body>\n{''.join(lines)}</body></html>\n", "utf-8")


def _metadata(wheel: Path) -> bytes:
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA")))


def republish_torch(plain: Path, labelled: Path) -> None:
    """Write `plain` again as the wheel of the CUDA variant; fails when a line that is changed is not there."""
    before, after = f"torch-{TORCH}.dist-info", f"torch-{TORCH}+{VARIANT}.dist-info"
    record = []
    with zipfile.ZipFile(plain) as old, zipfile.ZipFile(labelled, "w", zipfile.ZIP_STORED) as new:
        for info in old.infolist():
            name = info.filename
            if name.endswith((*LEFT_OUT, "/RECORD", "/")) or name.startswith("torch/test/"):
                continue
            content = _edited(name.removeprefix(before + "/"), old.read(name))
            name = name.replace(before, after)
            new.writestr(zipfile.ZipInfo(name), content)
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            record.append(f"{name},sha256={digest},{len(content)}\n")
        for library in LIBRARIES:
            new.writestr(f"torch/lib/{library}.lib", "!<arch>\n")
            record.append(f"torch/lib/{library}.lib,,\n")
        new.writestr(f"{after}/RECORD", "".join([*record, f"{after}/RECORD,,\n"]))


def _edited(name: str, content: bytes) -> bytes:
    for old, new in EDITS.get(name, ()):
        text = content.decode().replace("\r\n", "\n")
        assert text.count(old) == 1, f"{name} does not say {old!r} once"
        content = text.replace(old, new).encode()
    return content


def as_tag_archive(sdist: Path, version: str) -> bytes:
    """The archive of the release's tag, as far as an sdist tells what is in it."""
    buffer = io.BytesIO()
    with tarfile.open(sdist) as old, tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as new:
        for member in old.getmembers():
            name = member.name.partition("/")[2]
            if name and name not in ONLY_SDIST and ".egg-info" not in name:
                member.name, member.pax_headers = f"DeepSpeed-{version}/{name}", {}
                new.addfile(member, old.extractfile(member) if member.isfile() else None)
        for name, text in ONLY_TAG.items():
            added = tarfile.TarInfo(f"DeepSpeed-{version}/{name}")
            added.size = len(text.encode())
            new.addfile(added, io.BytesIO(text.encode()))
    return buffer.getvalue()
