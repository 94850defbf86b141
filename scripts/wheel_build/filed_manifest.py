"""What a finished build writes into the manifest beside its wheel."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from scripts.files import sha256_of
from scripts.verify.check import Report
from scripts.wheel.core_metadata import metadata_entry
from scripts.wheel.manifest import SCHEMA
from scripts.wheel_build.build_options import repeat_command
from scripts.wheel_build.compile import BuiltOp, default_jobs
from scripts.wheel_build.pipeline import BuildRecord


def manifest_of(record: BuildRecord, proof: Report | None) -> dict[str, Any]:
    """The manifest as a JSON document; seconds are wall seconds, sizes bytes."""
    archive = record.tree.archive
    return {
        "schema": SCHEMA,
        "target": {**asdict(record.target), "id": record.target.id},
        "wheel": _file(record.wheel),
        "metadata": metadata_entry(record.wheel),
        "source": {
            "kind": archive.kind,
            "file": archive.path.name,
            "url": archive.url,
            "sha256": archive.sha256,
            "patches": list(record.tree.patches),
            "corrections": list(record.tree.corrections),
        },
        "ops": {op.op: _op(op) for op in record.ops},
        "left_out": dict(record.left_out),
        "toolchain": {**record.toolchain.identity, "setuptools": record.setuptools},
        "torch": record.torch,
        "arches": record.arches,
        "cpu_level": record.cpu_level,
        "seconds": {**record.seconds, "total": round(sum(record.seconds.values()), 2)},
        "workers": record.options.jobs or default_jobs(),
        "cache_hits": sum(op.cached for op in record.ops),
        "proof": proof.as_document() if proof else None,
        "repeat": repeat_command(record.target, record.options),
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
    }
