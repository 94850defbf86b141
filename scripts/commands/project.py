"""What every task starts from: the facts, the matrix and the directories of this checkout.

The modules that expand a plan are imported where one is asked for; `find`, `install` and `verify` ask for none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.commands.answer import log_line
from scripts.dirs import CHECKOUT, Dirs, default_dirs
from scripts.facts.facts import Facts
from scripts.facts.load import load_facts
from scripts.plan.matrix import Matrix, load_matrix
from scripts.plan.selection import Selection

if TYPE_CHECKING:
    from scripts.plan.expand import Plan
    from scripts.plan.forecast import Forecast


@dataclass(frozen=True, kw_only=True)
class Project:
    """Facts, matrix and directories; the plan is made when it is asked for."""

    facts: Facts
    matrix: Matrix
    dirs: Dirs

    @cached_property
    def plan(self) -> Plan:
        """The matrix, expanded."""
        from scripts.plan.expand import expand

        return expand(self.matrix, self.facts, self._measured)

    def select(self, selection: Selection, *, or_excluded: bool = False) -> Plan:
        """The part of the plan that the selection means; all of it for an empty one.

        Raises InputError for a value that the matrix does not have, NothingToDoError when no target is left, or, with
        `or_excluded`, not even an excluded one.
        """
        from scripts.plan.selected_plan import plan_of, torch_minors

        if selection.is_empty:
            return self.plan
        for word, minor in torch_minors(selection, self.facts).items():
            if minor and word not in self._releases:
                log_line(f"note: --torch {word} means torch {minor}: a wheel fits every patch release of its minor")
        return plan_of(self.matrix, self.facts, selection, self._measured, or_excluded=or_excluded)

    @cached_property
    def forecast(self) -> Forecast:
        """What targets cost, by themselves and in jobs."""
        from scripts.plan.forecast import forecast_of, measured_own

        return forecast_of(self.matrix, self.facts, self._measured, measured_own(self.dirs.wheelhouse))

    @property
    def _releases(self) -> frozenset[str]:
        """The patch releases that are built."""
        return frozenset(release.newest for release in self.facts.torch.values())

    @cached_property
    def _measured(self) -> Mapping[str, float]:
        from scripts.plan.forecast import measured_minutes

        return measured_minutes(self.dirs.wheelhouse)


@cache
def open_project(matrix: Path = CHECKOUT / "matrix.yaml") -> Project:
    """Facts and matrix read; raises DataError with every problem of the file that has one."""
    facts = load_facts()
    return Project(facts=facts, matrix=load_matrix(matrix, facts), dirs=default_dirs())
