"""The environment that a comparison compiles in, with the torch of its target."""

from __future__ import annotations

import sys
from pathlib import Path

from scripts.command import check, run
from scripts.commands.project import Project
from scripts.commands.project_planner import planner_of
from scripts.fetch.installer import environment_python, find_installer
from scripts.plan.target import Target
from scripts.wheel_build.build_environment import fill_build_environment
from scripts.wheel_build.build_options import BuildOptions


def made_environment(project: Project, target: Target, folder: Path) -> Path:
    """The Python of a new environment in the folder that has all that building the target needs."""
    installer = find_installer()
    create = installer.create(folder, sys.executable)
    check(create, run(create))
    python = environment_python(folder)
    fill_build_environment(planner_of(project, BuildOptions()).here(target), installer, python)
    return python
