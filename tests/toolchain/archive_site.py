"""A made-up copy of NVIDIA's archive in the published shape: a manifest, and small archives of a toolkit that runs."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scripts.facts.load import load_facts
from tests.toolchain.stand_in import SYSTEM, component_files

RELEASE, NVCC = "12.4.1", "12.4.131"
PLATFORM = load_facts().toolkit_archive.platforms[SYSTEM]


def archive_bytes(top: str, files: Mapping[str, bytes], *, kind: str = SYSTEM) -> bytes:
    """An archive with one top folder, as NVIDIA's: tar.xz on Linux, zip on Windows."""
    buffer = io.BytesIO()
    if kind == "windows":
        with zipfile.ZipFile(buffer, "w") as zipped:
            for name, content in files.items():
                zipped.writestr(zipfile.ZipInfo(f"{top}/{name}"), content)  # a fixed time: same files, same bytes
        return buffer.getvalue()
    with tarfile.open(fileobj=buffer, mode="w:xz", preset=0) as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(f"{top}/{name}")
            info.size, info.mode = len(content), 0o755
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def component_contents(major: int, full: str = NVCC) -> dict[str, dict[str, bytes]]:
    """What each archive of a release holds; before CUDA 13 crt and nvvm come inside nvcc's."""
    contents: dict[str, dict[str, bytes]] = {}
    for name, row in load_facts().toolkit_components.items():
        home = name if row.since <= major else "nvcc"
        files = {path.replace("lib64/", "lib/"): content for path, content in component_files(name, full=full).items()}
        contents.setdefault(home, {"LICENSE": f"licence of {home}".encode()}).update(files)
    for name in ("cublas", "curand"):
        contents[name]["lib/libbig_static.a"] = b"static"
    return contents


def make_site(release: str = RELEASE, full: str = NVCC, **changed: bytes) -> dict[str, bytes]:
    """The pages of an archive by path; `changed` replaces the archive of a component by other bytes."""
    manifest: dict[str, Any] = {"release_date": "2024-03-28", "release_label": release, "release_product": "cuda"}
    pages: dict[str, bytes] = {}
    for name, files in component_contents(int(release.split(".")[0]), full).items():
        key = load_facts().toolkit_components[name].redist[-1]
        suffix = "zip" if SYSTEM == "windows" else "tar.xz"
        top = f"{key}-{PLATFORM}-{full}-archive"
        content = changed.get(name) or archive_bytes(top, files)
        path = f"{key}/{PLATFORM}/{top}.{suffix}"
        entry = {
            "relative_path": path,
            "sha256": hashlib.sha256(content).hexdigest(),
            "md5": hashlib.md5(content, usedforsecurity=False).hexdigest(),
            "size": str(len(content)),
        }
        other = {**entry, "relative_path": path.replace(PLATFORM, "linux-sbsa")}
        manifest[key] = {
            "name": key,
            "license": "CUDA Toolkit",
            "license_path": f"{key}/LICENSE.txt",
            "version": full,
            "linux-sbsa": other,
            PLATFORM: entry,
        }
        pages[f"/{path}"] = content
    manifest["libnpp"] = {"name": "CUDA NPP", "license": "CUDA Toolkit", "version": "1", "linux-sbsa": {}}
    return {**pages, f"/redistrib_{release}.json": json.dumps(manifest, indent=4).encode()}


def edit_manifest(pages: dict[str, bytes], change: Any, release: str = RELEASE) -> None:  # noqa: ANN401 - any callable
    """Change the manifest of a site by a function of its document."""
    path = f"/redistrib_{release}.json"
    document = json.loads(pages[path])
    change(document)
    pages[path] = json.dumps(document).encode()


def path_of(pages: Mapping[str, bytes], key: str) -> str:
    """The page of one component's archive."""
    return next(path for path in pages if path.startswith(f"/{key}/"))


def write_mirror(folder: Path, pages: Mapping[str, bytes]) -> Path:
    """The pages as files of a folder."""
    for name, content in pages.items():
        path = folder / name[1:]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder
