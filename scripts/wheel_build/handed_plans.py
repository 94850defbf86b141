"""Build plans handed from `invoke build` to the nox sessions it starts, so that nothing is resolved twice."""

from __future__ import annotations

import os
import pickle
import time
from collections.abc import Iterable
from pathlib import Path

from scripts.wheel_build.build_plan import BuildPlan

PLANS = "DEEPSPEED_WHEELS_PLANS"  # a file that holds them; ours, and of this run alone
DEADLINE = "DEEPSPEED_WHEELS_DEADLINE"  # seconds since 1970 at which it stops compiling, whichever target it is at


def write_plans(path: Path, plans: Iterable[BuildPlan]) -> None:
    """Write the plans for `handed_plans` of a child process."""
    path.write_bytes(pickle.dumps({plan.target.id: plan for plan in plans}))


def handed_plans() -> dict[str, BuildPlan] | None:
    """The plans that the waiting `invoke build` made, by target; None when nox was started by hand."""
    file = os.environ.get(PLANS)
    if not file:
        return None
    plans: dict[str, BuildPlan] = pickle.loads(Path(file).read_bytes())
    return plans


def seconds_to_compile(minutes: int) -> float | None:
    """Seconds that compiling may still take: until the waiting `invoke build` has had its `minutes`, else all these.

    None for no limit.
    """
    deadline = os.environ.get(DEADLINE)
    if deadline:
        return float(deadline) - time.time()
    return 60.0 * minutes if minutes else None
