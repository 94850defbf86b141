"""Wheels with the real files of a release: from its pinned sdist, with ops of the tests' stubs."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from scripts.dirs import default_dirs
from scripts.facts.load import load_facts
from scripts.facts.source_files import LISTING, PYTHON_LINE, read_source_listing, wheel_name
from scripts.wheel_build.source import fetch_source
from tests.verify.stub_elf import make_elf
from tests.verify.stub_fatbin import make_fatbin
from tests.verify.stub_pe import make_pe
from tests.verify.stub_wheel import BUILD_INFO, build_info, metadata, record_hash, told_of_making

LIBRARIES = ("libc10.so", "libtorch_cpu.so", "libstdc++.so.6", "libc.so.6")
DLLS = ("c10.dll", "torch_cpu.dll", "python311.dll", "vcruntime140.dll")
CUDA_DLLS = (*DLLS, "c10_cuda.dll", "cudart64_12.dll")
LINUX_OPS = ("cpu_adam", "fused_adam")
WINDOWS_OPS = ("cpu_adam", "fused_adam", "fused_lion")


@cache
def source_members(release: str) -> Mapping[str, bytes]:
    """What the sdist of a release puts into a wheel, by the names of the listing; fetched where the cache lacks it."""
    pinned = load_facts().deepspeed[release].sdist_sha256
    archive = fetch_source(release, default_dirs().sources, kinds=("sdist",), pinned_sdist=pinned)
    found = {}
    with tarfile.open(archive.path) as tar:
        for entry in tar:
            name = wheel_name(entry.name.partition("/")[2])
            if entry.isfile() and name and (stream := tar.extractfile(entry)):
                found[name] = stream.read()
    return found


@dataclass(kw_only=True)
class WheelParts:
    """A wheel taken apart: what a maker changes before it is packed."""

    file: str
    version: str
    members: dict[str, bytes]
    modes: dict[str, int] = field(default_factory=dict)
    unrecorded: set[str] = field(default_factory=set)  # members that RECORD is not to list
    recorded: dict[str, bytes] = field(default_factory=dict)  # what RECORD says of members instead of the truth
    packed: Callable[[bytes], bytes] = bytes  # what is done to the finished file

    @property
    def info(self) -> str:
        """The metadata's folder."""
        return f"deepspeed-{self.version}.dist-info"

    def edit(self, member: str, old: str, new: str) -> None:
        """Change a text that must be there."""
        text = self.members[member].decode()
        assert old in text, (member, old)
        self.members[member] = text.replace(old, new).encode()

    def pack(self, folder: Path) -> Path:
        """The wheel with a RECORD that is true but for what was asked for, its members as a build orders them."""
        listed = {name: data for name, data in {**self.members, **self.recorded}.items() if name not in self.unrecorded}
        folders = [name.rpartition("/")[0] for name in self.members if name.endswith(".dist-info/WHEEL")]
        record = f"{folders[0] if folders else self.info}/RECORD"
        rows = [f"{_quoted(name)},sha256={record_hash(data)},{len(data)}" for name, data in listed.items()]
        members = {**self.members, **({} if record in self.unrecorded else {record: _lines(*rows, f"{record},,")})}
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            for name, data in members.items():
                info = zipfile.ZipInfo()
                info.filename = name  # given to ZipInfo, a backslash would become a slash on Windows
                info.external_attr = self.modes.get(name, 0o100644) << 16
                archive.writestr(info, data)
        path = folder / self.file
        path.write_bytes(self.packed(file.getvalue()))
        return path


def linux_parts(release: str = "0.19.8") -> WheelParts:
    """A CPU wheel of ours: two ops, every file of the release."""
    version = f"{release}+cputorch2.13"
    modules = {
        f"deepspeed/ops/adam/{op}_op.cpython-311-x86_64-linux-gnu.so": make_elf(needed=LIBRARIES, init=f"{op}_op")
        for op in LINUX_OPS
    }
    record = build_info(version=version, ops=LINUX_OPS)
    return _parts(release, version, "linux_x86_64", {**modules, BUILD_INFO: record.encode()}, "torch==2.13.*")


def windows_parts(release: str = "0.16.5") -> WheelParts:
    """A CUDA wheel of ours for Windows, with the line ends and the files that upstream's Windows wheels have."""
    version = f"{release}+cu124torch2.6"
    fatbin = make_fatbin(80, 90)
    modules = {
        "deepspeed/ops/adam/cpu_adam_op.cp311-win_amd64.pyd": make_pe(needed=DLLS),
        "deepspeed/ops/adam/fused_adam_op.cp311-win_amd64.pyd": make_pe(CUDA_DLLS, "fused_adam_op", fatbin=fatbin),
        "deepspeed/ops/lion/fused_lion_op.cp311-win_amd64.pyd": make_pe(CUDA_DLLS, "fused_lion_op", fatbin=fatbin),
    }
    record = build_info(version=version, accelerator="cuda", torch="2.6", cuda="12.4", ops=WINDOWS_OPS)
    return _parts(release, version, "win_amd64", {**modules, BUILD_INFO: record.encode()}, "torch==2.6.*")


def _parts(release: str, version: str, platform: str, more: Mapping[str, bytes], requirement: str) -> WheelParts:
    windows = platform == "win_amd64"
    info, data = f"deepspeed-{version}.dist-info", f"deepspeed-{version}.data"
    members: dict[str, bytes] = {}
    for name, content in source_members(release).items():
        if windows and (name.startswith("deepspeed/ops/csrc/") or name.endswith((".h", ".cuh", ".json"))):
            continue
        if name.startswith("scripts/"):
            first, gap, rest = content.partition(b"\n")
            content = (b"#!python" if PYTHON_LINE.match(first) else first) + gap + rest
            if windows and name not in ("scripts/ds", "scripts/ds_report"):
                continue
        placed = name.replace("scripts/", f"{data}/scripts/", 1) if name.startswith("scripts/") else name
        placed = placed.replace("dist-info/LICENSE", "dist-info/licenses/LICENSE")  # where we put it
        members[placed.replace("dist-info/", f"{info}/", 1)] = content.replace(b"\n", b"\r\n") if windows else content
    if windows:
        for name, script in (("deepspeed", "ds"), ("ds_report", "ds_report")):
            members[f"{data}/scripts/{name}.bat"] = f'@echo off\r\npython "%~dp0\\{script}" %*\r\n'.encode()
    members |= more
    licence = {"licenses/LICENSE": members[f"{info}/licenses/LICENSE"]}
    said = told_of_making(members, version, licences=licence)
    members |= {f"{info}/{name}": data for name, data in said.items()}
    requires = read_source_listing(LISTING).releases[release].requires
    stated = metadata(version, requirement, members, [each for each in requires if not each.startswith("torch")])
    named = stated.replace("License-File: ", "License-File: LICENSE\nLicense-File: ", 1)
    members[f"{info}/METADATA"] = named.encode() + b"\n"
    members[f"{info}/WHEEL"] = _lines("Wheel-Version: 1.0", "Root-Is-Purelib: false", f"Tag: cp311-cp311-{platform}")
    return WheelParts(file=f"deepspeed-{version}-cp311-cp311-{platform}.whl", version=version, members=members)


def parts_of(wheel: Path) -> WheelParts:
    """A wheel that was built, taken apart."""
    with zipfile.ZipFile(wheel) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist() if not info.is_dir()}
    version = wheel.name.split("-")[1]
    members.pop(f"deepspeed-{version}.dist-info/RECORD")
    return WheelParts(file=wheel.name, version=version, members=members)


def _lines(*lines: str) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"' if any(letter in name for letter in ',"') else name
