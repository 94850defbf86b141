"""The two ends of packaging: binaries put where upstream's build expects them, and its wheel rewritten as ours."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from scripts.errors import PackageError
from scripts.facts.facts import Facts
from scripts.plan.target import Target
from scripts.wheel_build.compile import BuiltOp
from scripts.wheel_build.rewrite import WheelEdit, rewrite_wheel


def place_binaries(ops: Sequence[BuiltOp], root: Path, platform: str, cache_tag: str) -> None:
    """Copy every op to build/lib.<platform>-<cache tag>/, newer than its sources, so that distutils keeps it."""
    library = root / "build" / f"lib.{platform}-{cache_tag}"
    shutil.rmtree(root / "build", ignore_errors=True)
    for op in ops:
        place = library / op.file
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(op.binary, place)
        place.chmod(0o755)
        os.utime(place)


def finish_wheel(target: Target, dist: Path, facts: Facts) -> Path:
    """The one wheel that upstream made in `dist`, rewritten and named by the target.

    Raises PackageError when there is not exactly one.
    """
    made = sorted(dist.glob("*.whl"))
    if len(made) != 1:
        raise PackageError(f"{target.id}: expected one wheel from setup.py, found {[wheel.name for wheel in made]}")
    finished = dist / "finished"
    finished.mkdir()
    return rewrite_wheel(made[0], finished, target.wheel_name, _edit(target, facts))


def _edit(target: Target, facts: Facts) -> WheelEdit:
    context = {"python": target.python, "deepspeed": target.deepspeed, "os": target.system}
    added = tuple(row.add for row in facts.added_requirements if row.when.holds(context))
    interpreter = target.python_tag.removesuffix("t")
    return WheelEdit(
        pins={"torch": f"torch=={target.torch_minor}.*"},
        added=added,
        stamp=facts.deepspeed[target.deepspeed].date,
        tag=f"{interpreter}-{target.python_tag}-{target.platform}",
    )
