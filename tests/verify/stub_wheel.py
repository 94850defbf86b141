"""A small wheel that passes the audit, and the same with one thing changed."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from scripts.facts.load import load_facts
from scripts.wheel.bill_of_materials import BILL, Provenance, bill_text
from scripts.wheel.record import WheelSource
from scripts.wheel.third_party_code import NOTICES, CodeOfOthers, code_of_others, licence_expression, notices
from tests.verify.stub_elf import make_elf

SOURCE = WheelSource(kind="tag", sha256=hashlib.sha256(b"source").hexdigest())
TOOLS = {"compiler": "g++ 12.2.0"}
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


def metadata(
    version: str = VERSION,
    torch: str = "torch==2.13.*",
    members: Iterable[str] = (MODULE,),
    requires: Iterable[str] = ("numpy",),
) -> str:
    head = f"Metadata-Version: 2.4\nName: deepspeed\nVersion: {version}\n"
    head += f"License-Expression: {licence_expression(code_in(members))}\nLicense-File: {NOTICES}\n"
    return (
        head
        + "".join(f"Requires-Dist: {each}\n" for each in (*requires, torch))
        + "Requires-Dist: torch>=2.0; extra == 'dev'\n"
        + ("Requires-Dist: deepspeed-kernels; sys_platform == 'linux' and extra == 'inf'\n")
    )


def code_in(members: Iterable[str]) -> tuple[CodeOfOthers, ...]:
    return code_of_others(load_facts().third_parties.values(), tuple(members))


def torch_of(version: str) -> str:
    """The torch that the label of a wheel's version names."""
    cuda, _, minor = version.partition("+")[2].partition("torch")
    return f"{minor or '2.13'}.0+{cuda or 'cpu'}"


def told_of_making(
    members: Iterable[str],
    version: str = VERSION,
    *,
    source: WheelSource = SOURCE,
    tools: Mapping[str, str] = TOOLS,
    torch: str | None = None,
    licences: Mapping[str, bytes] = {},
) -> dict[str, bytes]:
    """The files below .dist-info/ that say where a wheel with these members comes from."""
    code = code_in(members)
    told = {**licences, f"licenses/{NOTICES}": notices(code, load_facts().licences).encode()}
    provenance = Provenance(
        version=version,
        target="a target",
        source=source,
        edits=dict.fromkeys(source.patches, "digest"),
        titles=dict.fromkeys(source.patches, "why"),
        torch=torch or torch_of(version),
        toolchain=tools,
        choices={"cpu-level": "avx2"},
        commit="",
    )
    return {**told, BILL: bill_text(provenance, code, licence_expression(code), told).encode()}


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
    there = [name for name, data in given.items() if data is not None]
    told = told_of_making(there, version)
    given = {**{f"{INFO}/{name}": data for name, data in told.items()}, **given}
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
