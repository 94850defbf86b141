"""A world on loopback: the package index as it was recorded on 2026-11-26, stand-ins for every other source."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import struct
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml

from scripts.facts.facts import Facts
from scripts.facts.load import DATA, read_rows
from scripts.versions import cuda_version
from scripts.watch.data_text import node_at, row_lines
from tests.fetch.range_server import FileServer, serving_files
from tests.verify.stub_pe import make_pe
from tests.wheel_build.factories import tar_bytes

RECORDED = json.loads((Path(__file__).parent / "recorded" / "index.json").read_text(encoding="utf-8"))
JSON = "application/vnd.pypi.simple.v1+json"
STUDIO_MAJOR = {"2022": "17", "2026": "18"}
HELPER = """MINIMUM_MSVC_VERSION = (19, 20)
supported_arches = ['7.5', '8.0', '8.6', '9.0', '10.0', '12.0']
cflags = ['-std=c++20']
"""
HOST_CONFIG = """#if __GNUC__ > {gcc_max}
#if _MSC_VER < {msvc_min} || _MSC_VER >= {msvc_below}
"""
BUILDER = """
import torch
from torch.utils.cpp_extension import CppExtension
cuda_minor_mismatch_ok = {minors}
DEFAULT_COMPUTE_CAPABILITIES = "6.0;6.1;7.0"
def installed_cuda_version(name=""): return (12, 8)
def assert_no_cuda_mismatch(name=""): return True
class OpBuilder:
    def __init__(self, name, variable, module, sources):
        self.NAME, self.BUILD_VAR, self.module, self.sources = name, variable, module, sources
    def absolute_name(self): return self.module
    def builder(self):
        if self.NAME == "evoformer_attn":
            raise RuntimeError("Unable to locate CUTLASS.")  # as upstream since 0.19.5
        return CppExtension(name=self.module, sources=self.sources, include_dirs=["csrc/includes"],
                            extra_compile_args={{"cxx": ["-O3"]}})
"""
ALL_OPS = """
import os
from .builder import OpBuilder
rows = {rows}
ALL_OPS = {{row[0]: OpBuilder(*row) for row in rows[os.environ["DS_ACCELERATOR"]]}}
"""


@dataclass
class StandInWorld:
    """What is served; a test changes it before it is."""

    facts: Facts
    index: dict[str, list[list[str]]] = field(default_factory=lambda: {p: list(rows) for p, rows in RECORDED.items()})
    bodies: dict[str, bytes] = field(default_factory=dict)  # of files of the package index, by name
    pages: dict[str, bytes] = field(default_factory=dict)  # the other sources, by what they are

    def release(self, project: str, name: str, day: str) -> None:
        """One more file on the index."""
        self.index[project].append([name, f"{day}T12:00:00Z", ""])

    def torch_row(self, minor: str) -> None:
        """The wheels of the newest patch release of a minor, as its row says they are."""
        row = self.facts.torch[minor]
        for name, _, _ in self.index["torch"]:
            if name.startswith(f"torch-{row.newest}-cp311-cp311-"):
                system = "windows" if "win_amd64" in name else "linux"
                variant = row.default_variant[system]
                self.bodies[name] = torch_wheel(self.facts, minor, system, variant)

    def cuda_row(self, minor: str) -> None:
        """The newest wheels of nvcc and crt of a CUDA minor, as its row says they are."""
        row = self.facts.cuda[minor]
        flags = b"\0".join(b"__CUDA_ARCH__=%d0" % sm for sm in row.sms)
        tools = dict.fromkeys((f"nvidia/cu13/bin/{t}" for t in ("nvcc", "cudafe++", "fatbinary", "nvlink")), b"x")
        header = HOST_CONFIG.format(gcc_max=row.gcc_max, msvc_min=row.msvc_min, msvc_below=row.msvc_below)
        for project, members in (
            ("nvidia-cuda-nvcc", {**tools, "nvidia/cu13/bin/ptxas": b"sm_20\0" + flags}),
            ("nvidia-cuda-crt", {"nvidia/cu13/include/crt/host_config.h": header.encode()}),
        ):
            for name, _, _ in self.index[project]:
                if f"-{minor}." in name and name.endswith("_x86_64.whl"):
                    self.bodies[name] = zipped(members)

    def deepspeed_source(self, version: str, rows: Mapping[str, list[list[Any]]] | None = None, unit: str = "") -> str:
        """A source of the release, with ops as the rows say; the digest of its sdist."""
        ops = rows or expected_ops(self.facts, version)
        row = self.facts.deepspeed.get(version)
        texts = row.cuda_minors if row else self.facts.deepspeed[list(self.facts.deepspeed)[-1]].cuda_minors
        minors = {major: [text for text in texts if text.startswith(f"{major}.")] for major in (11, 12)}
        files = {
            "version.txt": f"{version}\n",
            "op_builder/__init__.py": "",
            "op_builder/builder.py": BUILDER.format(minors={10: ["10.0"], **minors}),
            "op_builder/all_ops.py": ALL_OPS.format(rows=dict(ops)),
            "csrc/includes/common.h": "#pragma once\n",
            "csrc/unit.cu": "",
            "csrc/unit.cpp": '#include "common.h"\n' + unit,
        }
        name = f"deepspeed-{version}.tar.gz"
        body = tar_bytes({f"deepspeed-{version}/{path}": text for path, text in files.items()})
        self.bodies[name] = body
        digest = hashlib.sha256(body).hexdigest()
        for file in self.index["deepspeed"]:
            if file[0] == name:
                file[2] = digest
        return digest


def expected_ops(facts: Facts, version: str) -> dict[str, list[list[Any]]]:
    """By accelerator, what upstream's list has when the rows are right."""
    return {
        accelerator: [
            [op.name, op.variable, op.module, ["csrc/unit.cpp"]]
            for op in facts.ops.values()
            if op.support_for(accelerator, version)
        ]
        for accelerator in ("cuda", "cpu")
    }


def torch_wheel(facts: Facts, minor: str, system: str, variant: str) -> bytes:
    """A wheel of torch, as far as it is read."""
    row = facts.torch[minor]
    version = cuda_version(variant)
    flags = []
    for arch in row.arches[system].get(variant, "").split(";") if version else ():
        number = arch.removesuffix("+PTX").replace(".", "")
        flags += [f"sm_{number}", *([f"compute_{number}"] if arch.endswith("+PTX") else [])]
    bound = f"Requires-Dist: setuptools{row.setuptools}\n" if str(row.setuptools) else ""
    members = {
        f"torch-{row.newest}.dist-info/METADATA": f"Name: torch\n{bound}\nRequires-Dist: not-this\n".encode(),
        "torch/version.py": f"cuda = '{version}'\n".encode() if version else b"cuda = None\n",
        "torch/share/cmake/Torch/TorchConfig.cmake": f"-D_GLIBCXX_USE_CXX11_ABI={row.cxx11_abi[variant]}".encode(),
        "torch/utils/cpp_extension.py": HELPER.encode(),
        "torch/lib/torch_python.dll" if system == "windows" else "torch/lib/libtorch_python.so": (
            b"\0" + " ".join(flags).encode() + b"\0sm_10"
        ),
    }
    if system == "windows":
        members["torch/lib/c10.dll"] = linked_by(row.msvc)
    return zipped(members)


def linked_by(toolset: str) -> bytes:
    """A DLL whose header names this linker."""
    content = bytearray(make_pe())
    (start,) = struct.unpack_from("<I", content, 0x3C)
    content[start + 26 : start + 28] = bytes(map(int, toolset.split(".")))
    return bytes(content)


def zipped(members: Mapping[str, bytes]) -> bytes:
    """A wheel of these members."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def image_list(facts: Facts, name: str) -> bytes:
    """The software list of an image, as its row says it is."""
    row = facts.runners[name]
    assert row.visual_studio
    year, edition, version = row.visual_studio.split()
    ids = [t.components[STUDIO_MAJOR[year]] for t in facts.toolsets if t.version in row.toolsets]
    rows = "".join(f"| {each:70} | 18.4.11505.171 |\n" for each in ids)
    runtime = f"| Microsoft Visual C++ 2022 Minimum Runtime    | x64          | {row.toolsets[0]}.35719 |\n"
    return f"| Visual Studio {edition} {year} | {version}.35707.178 | C:\\VS |\n{rows}{runtime}".encode()


def others(facts: Facts) -> dict[str, bytes]:
    """Every source but the package index, as the rows say it is."""
    links = []
    for row in facts.torch.values():
        for patch in row.patches:
            for platform in ("win_amd64", "manylinux_2_28_x86_64"):
                links += [f"torch-{patch}+{variant}-cp311-cp311-{platform}.whl" for variant in ("cpu", *row.cuda)]
    releases = [release for row in facts.cuda.values() for release in row.releases]
    return {
        "torch-files": "".join(f'<a href="/whl/{quote(link)}">{link}</a>\n' for link in links).encode(),
        "cuda-archives": "".join(f'<a href="redistrib_{each}.json">x</a>' for each in releases).encode(),
        "python-releases": json.dumps({p: {} for p in facts.pythons if not p.endswith("t")}).encode(),
        "image-labels": " ".join(f"`{name}`" for name in facts.runners).encode(),
        **{name: image_list(facts, name) for name in facts.watched_images},
    }


@contextmanager
def served(world: StandInWorld, monkeypatch: pytest.MonkeyPatch, folder: Path) -> Iterator[FileServer]:
    """The world on loopback, and the data folder and pip's settings pointed at it."""
    pages = {**others(world.facts), **world.pages}
    files = {f"/{name}": body for name, body in pages.items()}
    for name, body in world.bodies.items():
        files[f"/files/{name}"] = body
    for minor, row in world.facts.torch.items():
        for platform, system in (("win_amd64", "windows"), ("manylinux_2_28_x86_64", "linux")):
            for variant in ("cpu", *row.cuda):
                name = f"torch-{row.newest}+{variant}-cp311-cp311-{platform}.whl"
                files[f"/whl/{quote(name)}"] = torch_wheel(world.facts, minor, system, variant)
    with serving_files(files, types={f"/simple/{project}/": JSON for project in world.index}) as site:
        list_files(world, site)
        for name in [name for name in os.environ if name.startswith(("PIP_", "UV_"))]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("PIP_INDEX_URL", f"{site.url}/simple/")
        monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
        point_at(site.url, folder)
        yield site


def list_files(world: StandInWorld, site: FileServer) -> None:
    """Show on the package index what the world has now."""
    for project, rows in world.index.items():
        site.files[f"/simple/{project}/"] = _project_page(project, rows, site.url, world.bodies)


def _project_page(project: str, rows: list[list[str]], url: str, bodies: Mapping[str, bytes]) -> bytes:
    files = [
        {
            "filename": name,
            "url": f"{url}/files/{name}",
            "hashes": {"sha256": digest} if digest else {},
            "upload-time": time,
            **({"size": len(bodies[name])} if name in bodies else {}),
        }
        for name, time, digest in rows
    ]
    return json.dumps({"meta": {"api-version": "1.1"}, "name": project, "files": files, "versions": []}).encode()


def point_at(url: str, folder: Path) -> None:
    path = folder / "watched.yaml"
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    for page in document["pages"]:
        page["address"] = f"{url}/{page['read_as']}"
    for name, image in document["images"].items():
        image["address"] = f"{url}/{name}"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")


def copied_data(to: Path) -> Path:
    """A data folder of one's own."""
    return Path(shutil.copytree(DATA, to / "data"))


def without_row(folder: Path, file: str, key: str, row: str) -> None:
    """Take a row out of a data file, as somebody would who deletes its lines."""
    path = folder / file
    content = path.read_bytes().decode("utf-8")
    lines = content.splitlines(keepends=True)
    first, last = row_lines(content, node_at(content, (key,)), row)
    path.write_bytes("".join(lines[:first] + lines[last + 1 :]).encode("utf-8"))


def replaced(folder: Path, file: str, old: str, new: str) -> None:
    """Change a text of a data file that stands there."""
    path = folder / file
    content = path.read_bytes().decode("utf-8")
    assert content.count(old) >= 1, f"{file} does not say {old}"
    path.write_bytes(content.replace(old, new, 1).encode("utf-8"))


def world_of(folder: Path) -> StandInWorld:
    """The world as the rows of the folder say it is."""
    return StandInWorld(facts=read_rows(folder))
