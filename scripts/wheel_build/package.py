"""The two ends of packaging: binaries put where upstream's build expects them, and its wheel rewritten as ours."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from scripts.errors import PackageError
from scripts.wheel_build.build_plan import BuildPlan
from scripts.wheel_build.built_op import BuiltOp
from scripts.wheel_build.rewrite import rewrite_wheel


def place_binaries(ops: Sequence[BuiltOp], root: Path, platform: str, cache_tag: str) -> None:
    """Copy every op to build/lib.<platform>-<cache tag>/, newer than its sources, so that distutils keeps it."""
    library = root / "build" / f"lib.{platform}-{cache_tag}"
    shutil.rmtree(root / "build", ignore_errors=True)
    for op in ops:
        path = library / op.file
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(op.binary, path)
        path.chmod(0o755)
        os.utime(path)


def finish_wheel(plan: BuildPlan, dist: Path) -> Path:
    """The one wheel that upstream made in `dist`, rewritten and named by the plan's target.

    Raises PackageError when there is not exactly one.
    """
    made = sorted(dist.glob("*.whl"))
    if len(made) != 1:
        found = ", ".join(wheel.name for wheel in made) or "none"
        raise PackageError(f"{plan.target.id}: expected one wheel from setup.py, found {found}")
    finished = dist / "finished"
    finished.mkdir(exist_ok=True)
    return rewrite_wheel(made[0], finished, plan.target.wheel_name, plan.wheel)
