"""Build plans of real targets, made by the facts and this checkout's matrix, with a toolchain that is not asked for."""

from __future__ import annotations

from pathlib import Path

from scripts.dirs import CHECKOUT, Dirs
from scripts.facts.load import load_facts
from scripts.plan.matrix import load_matrix
from scripts.plan.target import Target
from scripts.toolchain.compilers import Toolchain, expected_toolchain
from scripts.wheel_build.build_options import BuildOptions
from scripts.wheel_build.build_plan import BuildPlan, make_build_plan
from scripts.wheel_build.planner import Planner

FACTS = load_facts()
MATRIX = load_matrix(CHECKOUT / "matrix.yaml", FACTS)
DIRS = Dirs(cache=Path("cache"), wheelhouse=Path("wheels"), logs=Path("logs"))


def make_plan(target: Target, options: BuildOptions | None = None, toolchain: Toolchain | None = None) -> BuildPlan:
    """The plan of the target with the toolchain that the facts name, unless another is given."""
    found = toolchain or expected_toolchain(target, FACTS)
    return make_build_plan(target, FACTS, MATRIX, options or BuildOptions(), found)


def make_planner(dirs: Dirs = DIRS, options: BuildOptions | None = None) -> Planner:
    """A planner of this checkout's matrix."""
    return Planner(facts=FACTS, matrix=MATRIX, options=options or BuildOptions(), dirs=dirs)
