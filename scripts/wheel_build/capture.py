"""Upstream's setup.py as a command: it writes down what it would compile, and packages when it is sent PACKAGE."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePath

from scripts.command import Command
from scripts.toolchain.compilers import Toolchain, found_context
from scripts.wheel_build.build_plan import BuildPlan
from scripts.wheel_build.recipe import Recipe, read_recipe
from scripts.wheel_build.torch_routes import require_torch

UPSTREAM = Path(__file__).parent / "inside" / "upstream.py"


def setup_command(
    plan: BuildPlan, work: PurePath, python: PurePath, script: PurePath, variables: Mapping[str, str]
) -> Command:
    """Upstream's setup.py with the build environment's `python`; `script` is UPSTREAM, wherever the checkout lies."""
    outputs = (str(work / "record.json"), str(work / "recorded"), str(work / "dist"))
    argv = (str(python), str(script), *outputs, ",".join(plan.cpu.cpuinfo_flags))
    return Command(argv=argv, cwd=work / "source", env={**variables, "PYTHONPATH": str(work / "source")})


def captured_recipe(plan: BuildPlan, toolchain: Toolchain, work: Path) -> Recipe:
    """What `setup_command` captured in `work`, as a recipe of the plan's ops.

    Raises PrerequisiteError when a gate refuses what the commands ask for, BuildEnvironmentError for another torch than
    the target's, CompileError for commands that do not fit the plan.
    """
    modules = {choice.module: choice.name for choice in plan.ops.available}
    recipe = read_recipe(work / "record.json", [choice.name for choice in plan.ops.chosen], modules)
    require_torch(recipe.torch["version"], recipe.torch["cuda"], plan.target)
    plan.gates.require({**plan.context, **found_context(toolchain, recipe.compile_commands)})
    return recipe
