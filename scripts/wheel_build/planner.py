"""Which build a target gets: on this machine, with what it has, or on one such as the facts name."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field

from scripts.dirs import Dirs
from scripts.facts.facts import Facts
from scripts.host import find_interpreter, python_include
from scripts.plan.matrix import Matrix
from scripts.plan.target import Target
from scripts.toolchain.compilers import Toolchain, expected_toolchain, find_toolchain
from scripts.toolchain.gcc import require_python_headers
from scripts.wheel_build.build_options import BuildOptions
from scripts.wheel_build.build_plan import BuildPlan, make_build_plan


@dataclass(frozen=True, kw_only=True)
class Planner:
    """What build plans are made from; compilers are looked for once per CUDA variant."""

    facts: Facts
    matrix: Matrix
    options: BuildOptions
    dirs: Dirs
    _found: dict[tuple[str, str], Toolchain] = field(default_factory=dict, repr=False, compare=False)

    def here(self, target: Target) -> BuildPlan:
        """The plan of a build on this machine.

        Raises PrerequisiteError or InputError for everything that can be known before any time is spent.
        """
        toolchain = self._toolchain(target)
        plan = make_build_plan(target, self.facts, self.matrix, self.options, toolchain, os.environ)
        if toolchain.host.gcc:
            include = python_include(find_interpreter(target.python) or sys.executable)
            require_python_headers(toolchain.host.gcc, include, self.facts)
        return plan

    def elsewhere(self, target: Target) -> BuildPlan:
        """The plan of a build on a machine that has the toolchain which the facts name."""
        toolchain = expected_toolchain(target, self.facts)
        return make_build_plan(target, self.facts, self.matrix, self.options, toolchain)

    def _toolchain(self, target: Target) -> Toolchain:
        key = (target.cuda, target.system)
        if key not in self._found:
            self._found[key] = find_toolchain(
                target,
                self.facts,
                self.options.toolkit,
                captured=self.dirs.captured,
                cache=self.dirs.cache,
            )
        return self._found[key]
