"""The two ends of packaging: binaries put where upstream's build expects them, and its wheel rewritten as ours."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from scripts.build.compile import BuiltOp
from scripts.build.environment import metadata_rows
from scripts.build.wheelfile import WheelEdit, rewrite_wheel
from scripts.errors import PackageError
from scripts.matrix.condition import parse_condition
from scripts.matrix.target import Target


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


def finish_wheel(target: Target, dist: Path, released: date) -> Path:
    """The one wheel that upstream made in `dist`, rewritten and named by the target.

    Raises PackageError when there is not exactly one.
    """
    made = sorted(dist.glob("*.whl"))
    if len(made) != 1:
        raise PackageError(f"{target.id}: expected one wheel from setup.py, found {[wheel.name for wheel in made]}")
    finished = dist / "finished"
    finished.mkdir()
    return rewrite_wheel(made[0], finished, target.wheel_name, _edit(target, released))


def _edit(target: Target, released: date) -> WheelEdit:
    context = {"python": target.python, "deepspeed": target.deepspeed, "os": target.system}
    problems: list[str] = []
    rows = [(row, parse_condition(row["when"], "metadata_requirements", problems)) for row in metadata_rows()]
    added = tuple(str(row["add"]) for row, condition in rows if condition.holds(context))
    interpreter = target.python_tag.removesuffix("t")
    return WheelEdit(
        pins={"torch": f"torch=={target.torch_minor}.*"}, added=added, stamp=released,
        tag=f"{interpreter}-{target.python_tag}-{target.platform}",
    )  # fmt: skip
