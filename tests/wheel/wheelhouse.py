"""A wheelhouse of small wheels: real zips with METADATA and RECORD, each beside a manifest that tells the truth."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from scripts.facts.load import load_facts
from scripts.plan.target import Target
from scripts.publish.candidates import Candidate, read_wheelhouse
from scripts.publish.publish_plan import Budget
from scripts.wheel.bill_of_materials import PURLS
from scripts.wheel.core_metadata import metadata_entry
from scripts.wheel.record import WheelSource
from tests.verify.stub_elf import make_elf
from tests.verify.stub_wheel import BUILD_INFO, build_info, metadata, record_hash, told_of_making
from tests.wheel.factories import make_manifest

STATED = make_manifest()  # what a manifest says unless it is told otherwise
ROOM = Budget(assets=1000, bytes_each=2**31)


def wheel_file(target: Target) -> str:
    """The name of the target's wheel as it is published: on Linux of a manylinux level."""
    return target.wheel_name_for(platform_tag(target))


def platform_tag(target: Target) -> str:
    """The platform tag that the wheels here have."""
    return "manylinux_2_28_x86_64" if target.system == "linux" else target.platform


def targets(count: int, deepspeed: str = "0.19.8") -> list[Target]:
    """Targets of one DeepSpeed version, as many as asked for."""
    return [
        Target(deepspeed=deepspeed, torch=f"2.{minor}.0", cuda=cuda, python=f"3.{python}", platform="linux_x86_64")
        for minor in range(1, 100)
        for cuda in ("cpu", "cu124")
        for python in (10, 11, 12)
    ][:count]


def file_wheel(
    wheelhouse: Path,
    target: Target,
    *,
    filler: bytes = b"",
    place: str = "",
    ops: Iterable[str] = (),
    **changes: Any,  # noqa: ANN401
) -> Path:
    """A filed wheel of these ops and its manifest; `filler` makes other bytes, `changes` those of the manifest."""
    folder = wheelhouse / place / target.folder
    folder.mkdir(parents=True, exist_ok=True)
    wheel = _small_wheel(folder, target, filler, tuple(ops), changes)
    data = wheel.read_bytes()
    told = {
        "target": {"id": target.id},
        "wheel": {"file": wheel.name, "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)},
        "metadata": metadata_entry(wheel),
        "ops": {op: {} for op in ops},
        "torch": f"{target.torch}+{target.cuda}",
        "arches": None if target.cuda == "cpu" else "8.6;12.0+PTX",
    }
    manifest = wheel.with_name(wheel.name + ".json")
    manifest.write_text(json.dumps(make_manifest(**{**told, **changes})), encoding="utf-8")
    return wheel


def fill_wheelhouse(folder: Path, targets: Iterable[Target], filler: bytes = b"") -> tuple[Candidate, ...]:
    """Files a wheel for every target; the candidates that are found there."""
    for target in targets:
        file_wheel(folder, target, filler=filler)
    found = read_wheelhouse(folder)
    assert (found.skipped, found.refused) == ((), ())
    return found.candidates


def expected_files(candidates: Iterable[Candidate]) -> dict[str, str]:
    """Name and digest of everything that these wheels are published as, SHA256SUMS aside."""
    return {payload.name: payload.sha256 for candidate in candidates for payload in candidate.payloads}


def _small_wheel(folder: Path, target: Target, filler: bytes, ops: tuple[str, ...], changes: Mapping[str, Any]) -> Path:
    """A wheel that pip can install and that passes its audit, the same bytes each time.

    It says of its making what a manifest with these changes says.
    """
    abi = target.python_tag.removeprefix("cp")
    places = {op: load_facts().ops[op].module.replace(".", "/") for op in ops}
    modules = {
        f"{place}.cpython-{abi}-x86_64-linux-gnu.so": make_elf(init=place.rpartition("/")[2])
        for place in places.values()
    }
    content = {
        "deepspeed/__init__.py": b"",
        BUILD_INFO: build_info(
            version=target.wheel_version,
            accelerator=target.accelerator,
            torch=target.torch_minor,
            cuda=target.cuda_version or "0.0",
            ops=ops,
        ).encode(),
        **modules,
    }
    return pack(folder, target, content, torch=f"torch=={target.torch_minor}.*", described=filler, stated=changes)


def pack(
    folder: Path,
    target: Target,
    members: Mapping[str, bytes],
    *,
    torch: str,
    tag: str = "",
    described: bytes = b"",
    stated: Mapping[str, Any] = {},
) -> Path:
    """These members with METADATA, WHEEL, a RECORD that is true, and a bill of materials of what is `stated`."""
    info = f"deepspeed-{target.wheel_version}.dist-info"
    tag = tag or target.tag_for(platform_tag(target))
    told = told_of_making(
        members, target.wheel_version, **_making({**STATED, "torch": f"{target.torch}+{target.cuda}", **stated})
    )
    head = metadata(target.wheel_version, torch, members).encode()
    content = {
        **members,
        **{f"{info}/{name}": data for name, data in told.items()},
        f"{info}/METADATA": head + (b"\n" + described if described else b""),
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: {tag}\n".encode(),
    }
    rows = [f"{name},sha256={record_hash(data)},{len(data)}" for name, data in content.items()]
    content[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,", ""]).encode()
    wheel = folder / wheel_file(target)
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, data in content.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return wheel


def _making(stated: Mapping[str, Any]) -> dict[str, Any]:
    """What a manifest says of the making of its wheel, as `told_of_making` takes it."""
    source = stated["source"]
    kind = source["kind"] if source["kind"] in PURLS else "tag"
    made_from = WheelSource(kind=kind, sha256=source["sha256"], patches=tuple(source.get("patches", ())))
    return {"source": made_from, "tools": stated["toolchain"], "torch": stated["torch"]}
