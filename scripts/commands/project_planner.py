"""What makes the build plans of this checkout's project."""

from __future__ import annotations

from scripts.commands.project import Project
from scripts.wheel_build.build_options import BuildOptions
from scripts.wheel_build.planner import Planner


def planner_of(project: Project, options: BuildOptions) -> Planner:
    """What makes build plans with these options."""
    return Planner(facts=project.facts, matrix=project.matrix, dirs=project.dirs, options=options)
