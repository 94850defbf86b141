"""Small records and manifests of wheels, each with what a test is about and nothing else."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

from scripts.plan.target import Target
from scripts.wheel.record import Verification, WheelRecord, WheelSource

TARGET = Target(deepspeed="0.16.5", torch="2.6.0", cuda="cu124", python="3.11", platform="win_amd64")
RELEASES = "https://wheels.example/download"


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def make_wheel_target(**changes: str) -> Target:
    """A CUDA target for Windows, but for the changes."""
    return replace(TARGET, **changes)


def make_wheel_record(**changes: Any) -> WheelRecord:  # noqa: ANN401  any field
    """The record of a published CUDA wheel for Windows; a target's own fields may be given too."""
    named = {key: changes.pop(key) for key in ("deepspeed", "torch", "cuda", "python", "platform") if key in changes}
    target = changes.pop("target", make_wheel_target(**named))
    whole = WheelRecord(
        target=target,
        sha256=digest(target.id),
        bytes=10_000_000,
        ops=("cpu_adam", "fused_adam"),
        left_out={"async_io": "libaio is of Linux"},
        arches=() if target.cuda == "cpu" else ("8.6", "12.0+PTX"),
        cpu_level="avx2",
        torch=f"{target.torch}+{target.cuda}",
        toolchain={"compiler": "cl 19.41"},
        seconds=1200.5,
        source=WheelSource(kind="tag", sha256=digest("source"), url="https://source.example/a.zip", patches=("P5",)),
        verification=Verification(level="full", passed=("names", "ops load"), skipped={"training": "no GPU here"}),
        metadata_sha256=digest(f"{target.id} metadata"),
        requires_python=">=3.10",
        uploaded="2026-01-31T12:00:00Z",
        url=f"{RELEASES}/{target.deepspeed}/{target.wheel_name.replace('+', '%2B')}",
    )
    return replace(whole, **changes)


def make_manifest(**changes: Any) -> dict[str, Any]:  # noqa: ANN401  any key
    """The manifest of the same wheel, as a document; a change to None takes the key away."""
    document = {
        "schema": 1,
        "target": {
            "deepspeed": "0.16.5",
            "torch": "2.6.0",
            "cuda": "cu124",
            "python": "3.11",
            "platform": "win_amd64",
            "id": TARGET.id,
        },
        "wheel": {"file": TARGET.wheel_name, "sha256": digest(TARGET.id), "bytes": 10_000_000},
        "metadata": {"sha256": digest(f"{TARGET.id} metadata"), "requires_python": ">=3.10"},
        "source": {
            "kind": "tag",
            "file": "a.zip",
            "url": "https://source.example/a.zip",
            "sha256": digest("source"),
            "patches": ["P5"],
            "corrections": [],
        },
        "ops": {"fused_adam": {"seconds": 12.5}, "cpu_adam": {"seconds": 3}},
        "left_out": {"async_io": "libaio is of Linux"},
        "toolchain": {"compiler": "cl 19.41"},
        "torch": "2.6.0+cu124",
        "arches": "8.6;12.0+PTX",
        "cpu_level": "avx2",
        "seconds": {"compile": 1000, "total": 1200.5},
        "built": "2026-01-31T12:00:00Z",
        "workers": 4,
        "cache_hits": 0,
        "repeat": "invoke build",
        "proof": {
            "wheel": TARGET.wheel_name,
            "level": "full",
            "passed": True,
            "checks": [
                {"name": "names", "passed": True, "detail": "as they must be", "seconds": 0.1},
                {"name": "ops load", "passed": True, "detail": "2 ops", "seconds": 4},
                {"name": "training", "passed": None, "detail": "no GPU here", "seconds": 0},
            ],
        },
    }
    return {key: value for key, value in {**document, **changes}.items() if value is not None}


def manifest_text(**changes: Any) -> str:  # noqa: ANN401  any key
    return json.dumps(make_manifest(**changes))
