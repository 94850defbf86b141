"""What a finished build writes into the manifest beside its wheel."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from scripts.files import sha256_of
from scripts.host import usable_processors
from scripts.schema.utc_time import utc_now
from scripts.verify.check import Report
from scripts.verify.manylinux import needs_of
from scripts.wheel.core_metadata import metadata_entry
from scripts.wheel.manifest import SCHEMA
from scripts.wheel_build.build_options import repeat_command
from scripts.wheel_build.built_op import BuiltOp
from scripts.wheel_build.built_wheel import BuiltWheel
from scripts.wheel_build.package import binaries_of
from scripts.wheel_build.provenance import tools_of
from scripts.wheel_build.unchanged import INPUTS, inputs_digest


def manifest_of(built: BuiltWheel, report: Report | None) -> dict[str, Any]:
    """The manifest as a JSON document; seconds are wall seconds, sizes bytes.

    With a report it holds the digest by which an unchanged build is known, see `unchanged.py`.
    """
    found = _found(built, report)
    return {**found, INPUTS: inputs_digest(built.plan, built.toolchain, found)} if report else found


def _found(built: BuiltWheel, report: Report | None) -> dict[str, Any]:
    plan, archive = built.plan, built.tree.archive
    return {
        "schema": SCHEMA,
        "target": {**asdict(plan.target), "id": plan.target.id},
        "wheel": _file(built.wheel),
        "metadata": metadata_entry(built.wheel),
        "source": {
            "kind": archive.kind,
            "file": archive.path.name,
            "url": archive.url,
            "sha256": archive.sha256,
            "patches": list(built.tree.patches),
            "corrections": list(built.tree.corrections),
        },
        "ops": {op.op: _op(op) for op in built.ops},
        "left_out": built.left_out,
        "lacks": built.lacks,
        "toolchain": tools_of(built.toolchain, built.recipe),
        "torch": built.recipe.torch["version"],
        "arches": plan.arches,
        "cpu_level": plan.cpu.name,
        "needs": needs_of(binaries_of(built.ops)).as_document() if plan.system == "linux" else {},
        "seconds": {**built.seconds, "total": round(sum(built.seconds.values()), 2)},
        "built": utc_now(),
        "workers": plan.options.jobs or usable_processors(),
        "cache_hits": sum(op.cached for op in built.ops),
        "proof": report.as_document() if report else None,
        "repeat": repeat_command(plan.target, plan.options),
        "notes": [asdict(note) for note in built.notes],
    }


def _file(path: Path) -> dict[str, Any]:
    return {"file": path.name, "sha256": sha256_of(path), "bytes": path.stat().st_size}


def _op(op: BuiltOp) -> dict[str, Any]:
    return {
        "module": op.module,
        "seconds": round(op.seconds, 2),
        "peak_bytes": op.peak_bytes,
        "cached": op.cached,
        "bytes": op.binary.stat().st_size if op.binary.exists() else None,
        "key": op.key,
        "from": op.origin,
        "file": op.file,
        "sha256": sha256_of(op.binary) if op.binary.exists() else None,
    }
