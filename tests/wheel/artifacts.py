"""What a sound job of the workflow leaves: a small wheel with every op of its target, and a manifest that is true."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from scripts.commands.project import open_project
from scripts.plan.target import Target
from scripts.publish.artifacts import WHEELHOUSE
from scripts.publish.expectation import Expectation, expectation_of
from scripts.verify.promises import read_promises
from scripts.verify.static import verify_file
from scripts.wheel.manifest import manifest_path
from tests.wheel.wheelhouse import file_wheel

RAN = [
    {"name": "ds_report", "passed": True, "detail": "deepspeed", "seconds": 1.0},
    {"name": "kernels", "passed": None, "detail": "no GPU here", "seconds": 0.0},
]


def expected(target: Target) -> Expectation:
    """What the plan of this checkout says of the target."""
    project = open_project()
    return expectation_of(target, project.facts, project.matrix)


def file_sound_wheel(wheelhouse: Path, target: Target, **changes: Any) -> Path:  # noqa: ANN401  keys of the manifest
    """The wheel in the wheelhouse; `changes` are those of a manifest that is not true."""
    plan = expected(target)
    told: dict[str, Any] = {
        "left_out": dict(plan.left_out),
        "cpu_level": plan.cpu_level,
        "repeat": f"invoke build --id {target.id} --minutes 270",
        "notes": [],
    }
    wheel = file_wheel(wheelhouse, target, ops=plan.ops, **told)
    rewrite(wheel, proof=report(wheel))
    rewrite(wheel, **changes)
    return wheel


def report(wheel: Path) -> dict[str, Any]:
    """What a build reports of it: the audit, with no check failed, and checks that somebody ran."""
    checks = [check.as_document() for check in verify_file(wheel, replace(read_promises(wheel), sha256=None)).checks]
    passed = [{**check, "passed": True} if check["passed"] is False else check for check in checks]
    return {"wheel": wheel.name, "level": "full", "passed": True, "checks": [*passed, *RAN]}


def rewrite(wheel: Path, /, **changes: Any) -> None:  # noqa: ANN401  keys of the manifest
    """The manifest with other values."""
    manifest = manifest_path(wheel)
    document = {**json.loads(manifest.read_text(encoding="utf-8")), **changes}
    manifest.write_text(json.dumps(document), encoding="utf-8")


def leave_artifact(artifacts: Path, target: Target, name: str = "", **changes: Any) -> Path:  # noqa: ANN401
    """The wheel in the folder of its artifact, which is called like the target unless `name` is given."""
    return file_sound_wheel(artifacts / (name or target.id) / WHEELHOUSE, target, **changes)
