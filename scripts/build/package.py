"""Makes the wheel: the binaries put where upstream's build expects them, setup.py bdist_wheel, then rewritten."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path

from scripts.build.compile import BuiltOp
from scripts.build.environment import metadata_rows
from scripts.build.wheelfile import WheelEdit, rewrite_wheel
from scripts.command import Command, check, run
from scripts.errors import PackageError
from scripts.matrix.condition import parse_condition
from scripts.matrix.target import Target

INSIDE = Path(__file__).parent / "inside"


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


def package_command(python: Path, root: Path, dist: Path, cpu_flags: Sequence[str], env: Mapping[str, str]) -> Command:
    """Upstream's own packaging, in the build environment."""
    argv = (str(python), str(INSIDE / "package.py"), str(dist), ",".join(cpu_flags))
    return Command(argv=argv, cwd=root, env={**env, "PYTHONPATH": str(root)})


def make_wheel(
    command: Command, target: Target, dist: Path, released: date, on_line: Callable[[str], None]
) -> Path:
    """The finished wheel in `dist`, named by the target.

    Raises PackageError when packaging compiled anything, or made another wheel than one.
    """
    shutil.rmtree(dist, ignore_errors=True)
    dist.mkdir(parents=True)
    epoch = f"{released.isoformat()}"
    outcome = check(command, run(command, on_line=on_line))
    if "building '" in outcome.output:
        raise PackageError(f"{target.id}: packaging compiled an op again: its binary was not where upstream looks ({epoch})")
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
