"""The manifest beside every wheel: what it is, what it was made from, what it proved, how to make it again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from scripts.fetch.digest import sha256_of
from scripts.release.core_metadata import metadata_entry
from scripts.verify.check import Report
from scripts.verify.promises import NOTHING_PROMISED, Promises
from scripts.wheel_build.compile import BuiltOp, default_jobs
from scripts.wheel_build.options import repeat_command
from scripts.wheel_build.wheel import BuildRecord

SCHEMA = 1
MANIFEST = ".json"  # behind the name of its wheel


def manifest_of(record: BuildRecord, proof: Report | None) -> dict[str, Any]:
    """The manifest as a JSON document; seconds are wall seconds, sizes bytes."""
    archive = record.tree.archive
    return {
        "schema": SCHEMA,
        "target": {**asdict(record.target), "id": record.target.id},
        "wheel": _file(record.wheel),
        "metadata": metadata_entry(record.wheel),
        "source": {
            "kind": archive.kind, "file": archive.path.name, "url": archive.url, "sha256": archive.sha256,
            "patches": list(record.tree.patches), "corrections": list(record.tree.corrections),
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
    }  # fmt: skip


def manifest_path(wheel: Path) -> Path:
    """Where a wheel's manifest lies: beside it, with .json behind its name."""
    return wheel.with_name(wheel.name + MANIFEST)


def write_manifest(path: Path, document: Mapping[str, Any]) -> None:
    """Write the manifest whole or not at all."""
    draft = path.with_name(path.name + ".draft")
    draft.write_text(json.dumps(document, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    draft.replace(path)


def read_promises(wheel: Path) -> Promises:
    """What the manifest beside a wheel says of its code; nothing when there is none, or it cannot be read."""
    try:
        document = json.loads(manifest_path(wheel).read_text(encoding="utf-8"))
        return Promises(arches=document["arches"], cpu_level=document["cpu_level"])
    except (OSError, ValueError, KeyError, TypeError):
        return NOTHING_PROMISED


def _file(path: Path) -> dict[str, Any]:
    return {"file": path.name, "sha256": sha256_of(path), "bytes": path.stat().st_size}


def _op(op: BuiltOp) -> dict[str, Any]:
    return {
        "module": op.module, "seconds": round(op.seconds, 2), "peak_bytes": op.peak_bytes, "cached": op.cached,
        "bytes": op.binary.stat().st_size if op.binary.exists() else None, "key": op.key,
    }  # fmt: skip
