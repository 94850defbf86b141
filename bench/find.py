"""How long `invoke find` takes over 10 000 wheels once they are read: `python -m bench.find`.

Printed for a machine with a wheel, one without, and one without a torch: processor seconds of `choose`, the same of
asking every wheel everything (whose choice must be the same), and the ratio; and the processor seconds of all that
`find` says.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import TypeVar

from packaging.version import Version

from scripts.commands.find_task import document
from scripts.commands.wheel_choice import none_fits
from scripts.graphics import Gpu, Graphics
from scripts.install.choose import Rejection, choose
from scripts.install.environment import Environment, Torch
from scripts.install.machine import Machine
from scripts.install.machine_choice import choose_for
from scripts.install.mismatches import Axes, mismatches, questions
from scripts.plan.distance import DECIMALS, by_numbers
from scripts.plan.target import AXES
from scripts.wheel.published import Published
from scripts.wheel.record import WheelRecord
from tests.index.page.factories import many_wheels, published

LIMIT_SECONDS = 0.1  # the promise, docs/design.md
ROUNDS = 3
T = TypeVar("T")

MACHINE = Machine(
    graphics=Graphics(gpus=(Gpu(name="RTX 3090", capability="8.6"),), driver_cuda="12.8", driver="572.16"),
    cpu_flags=frozenset({"avx2"}),
)
WITH_WHEEL = Environment(
    python=Path("python.exe"),
    implementation="cpython",
    version="3.11",
    platform="win_amd64",
    torch=Torch(version="2.6.0+cu124", installed="2.6.0+cu124", variant="cu124"),
    deepspeed=None,
    has_pip=True,
    machine=MACHINE,
)
ENVIRONMENTS = {
    "a wheel fits": WITH_WHEEL,
    "none fits": replace(WITH_WHEEL, torch=Torch(version="2.2.2+cu121", installed="2.2.2+cu121", variant="cu121")),
    "no torch": replace(WITH_WHEEL, torch=None),
}


def naive_choice(
    records: Sequence[WheelRecord], environment: Environment
) -> tuple[Sequence[WheelRecord], Sequence[Rejection]]:
    """Which wheels fit and which are rejected, every wheel asked everything and every version compared as one."""
    axes: Axes = {axis: by_numbers(_values(records, axis)) for axis in AXES}
    asked = questions(environment, axes=axes)
    found = [(record, mismatches(record, asked)) for record in records]
    newest = sorted(found, key=lambda pair: _rank(pair[0], environment), reverse=True)
    rejected = [
        Rejection(record=record, mismatches=why, distance=round(sum(each.distance for each in why), DECIMALS))
        for record, why in newest
        if why
    ]
    fitting = tuple(record for record, why in newest if not why)
    return fitting, sorted(rejected, key=lambda rejection: rejection.distance)


def _values(records: Sequence[WheelRecord], axis: str) -> list[str]:
    return [getattr(record.target, "torch_minor" if axis == "torch" else axis) for record in records]


def _rank(record: WheelRecord, environment: Environment) -> tuple[object, ...]:
    target, driver = record.target, environment.machine.graphics.driver_cuda
    cuda = Version(target.cuda_version or "0")
    supported = driver is None or cuda <= Version(driver)
    return (Version(target.deepspeed), Version(target.torch), supported, cuda, Version(target.python), target.platform)


def timed(work: Callable[[], T], rounds: int = 1) -> tuple[float, T]:
    """Processor seconds, the least of some rounds, and what the work returned."""
    found: list[tuple[float, T]] = []
    for _ in range(rounds):
        started = time.process_time()
        result = work()
        found.append((time.process_time() - started, result))
    return min(found, key=lambda each: each[0])


def said(site: Published, environment: Environment) -> str:
    """All that `find` works out of what is offered, and says."""
    choice = choose_for(site, environment)
    return str(document(site, environment, choice) if choice.wheel else none_fits(site, environment, choice))


def different(records: Sequence[WheelRecord], environment: Environment) -> tuple[int, int]:
    """How many questions have another answer, and how many would be asked of every wheel."""
    asked = questions(environment)
    return sum(len(set(map(attrgetter(*question.reads), records))) for question in asked), len(asked) * len(records)


def main(words: Sequence[str] = ()) -> None:
    """Measure and print."""
    site = published(many_wheels())
    records, slowest = site.wheels, 0.0
    print(f"{len(records)} wheels, processor seconds, the least of {ROUNDS}")
    print("{} answers are worked out, of {} questions".format(*different(records, WITH_WHEEL)))
    for name, environment in ENVIRONMENTS.items():
        said(site, environment)  # facts and matrix are read
        naive, other = timed(partial(naive_choice, records, environment))
        seconds, choice = timed(partial(choose, records, environment), ROUNDS)
        if (choice.fitting, list(choice.rejected)) != other:
            raise SystemExit("the naive way chooses otherwise: choose is wrong")
        whole, _ = timed(partial(said, site, environment), ROUNDS)
        slowest = max(slowest, whole)
        print(
            f"{name:13} choose {seconds:.3f} s, asking all {naive:.2f} s, ratio {seconds / naive:.3f};"
            f" all that find says {whole:.3f} s"
        )
    if slowest > LIMIT_SECONDS:
        raise SystemExit(f"{slowest:.3f} s is more than the {LIMIT_SECONDS} s that are promised")


if __name__ == "__main__":
    main(sys.argv[1:])
