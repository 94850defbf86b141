"""A small wheel that passes the audit, and the same with one thing changed."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.verify.stub_elf import make_elf

VERSION = "0.19.8+cputorch2.13"
NAME = f"deepspeed-{VERSION}-cp311-cp311-linux_x86_64.whl"
INFO = f"deepspeed-{VERSION}.dist-info"
MODULE = "deepspeed/ops/adam/cpu_adam_op.cpython-311-x86_64-linux-gnu.so"
BUILD_INFO = "deepspeed/git_version_info_installed.py"


def build_info(
    version: str = VERSION,
    accelerator: str = "cpu",
    torch: str = "2.13",
    cuda: str = "0.0",
    ops: Iterable[str] = ("cpu_adam",),
) -> str:
    facts = {"version": torch, "bf16_support": False, "cuda_version": cuda, "nccl_version": "0.0", "hip_version": "0.0"}
    installed = {"deepspeed_not_implemented": False, "async_io": False, **dict.fromkeys(ops, 1)}
    lines = [f"version={version!r}", "git_hash='unknown'", "git_branch='unknown'", f"installed_ops={installed}"]
    return "\n".join([*lines, f"accelerator_name={accelerator!r}", f"torch_info={facts}", ""])


def metadata(version: str = VERSION, torch: str = "torch==2.13.*") -> str:
    head = f"Metadata-Version: 2.4\nName: deepspeed\nVersion: {version}\n"
    return (
        head
        + f"Requires-Dist: numpy\nRequires-Dist: {torch}\nRequires-Dist: torch>=2.0; extra == 'dev'\n"
        + ("Requires-Dist: deepspeed-kernels; sys_platform == 'linux' and extra == 'inf'\n")
    )


def members() -> dict[str, bytes]:
    return {
        "deepspeed/__init__.py": b"",
        BUILD_INFO: build_info().encode(),
        MODULE: make_elf(),
        f"{INFO}/METADATA": metadata().encode(),
        f"{INFO}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: cp311-cp311-linux_x86_64\n",
    }


def make_wheel(
    folder: Path,
    changes: Mapping[str, bytes | None] = {},
    record: Mapping[str, bytes | None] = {},
    name: str = NAME,
) -> Path:
    """The wheel with `changes` (None removes a member); `record` changes what RECORD is computed from."""
    _, version, *tag = name.removesuffix(".whl").split("-")
    info = f"deepspeed-{version}.dist-info"
    own = {f"{INFO}/WHEEL": members()[f"{INFO}/WHEEL"].replace(b"cp311-cp311-linux_x86_64", "-".join(tag).encode())}
    if version != VERSION:
        own[f"{INFO}/METADATA"] = metadata(version=version).encode()
    given = {**members(), **own, **changes}
    content = {key.replace(INFO, info): value for key, value in given.items() if value is not None}
    recorded = {key: value for key, value in {**content, **record}.items() if value is not None}
    rows = [f"{member},sha256={record_hash(data)},{len(data)}" for member, data in recorded.items()]
    content[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,", ""]).encode()
    path = folder / name
    with zipfile.ZipFile(path, "w") as archive:
        for member, data in content.items():
            archive.writestr(member, data)
    return path


def record_hash(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
