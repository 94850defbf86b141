"""Which of the offered wheels fits an environment, and the best for its machine when torch may be chosen with it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from operator import attrgetter

from scripts.facts.load import load_facts
from scripts.install.choose import Choice, Rejection, choose
from scripts.install.environment import Environment
from scripts.wheel.published import Published
from scripts.wheel.record import WheelRecord


def choose_for(published: Published, environment: Environment, deepspeed: str = "") -> Choice:
    """Which of the offered wheels fits an environment, by all that is known of torch and drivers."""
    return _choose(published.offered.wheels, environment, deepspeed)


def _choose(records: Iterable[WheelRecord], environment: Environment, deepspeed: str) -> Choice:
    facts = load_facts()
    abis = {minor: release.cxx11_abi for minor, release in facts.torch.items()}
    drivers = {version: toolkit.driver_min for version, toolkit in facts.cuda.items()}
    return choose(records, environment, deepspeed, abis, drivers)


def best_for_machine(published: Published, environment: Environment, deepspeed: str = "") -> Rejection | None:
    """The wheel to take when torch may be chosen with it, of the present torch's variant or minor before others.

    For the CPU only where no CUDA runs here. None when nothing runs on this machine and Python, or nobody knows what
    the driver of its card supports.
    """
    mine, targets = (environment.version, environment.platform), attrgetter("target.python", "target.platform")
    own = [record for record in published.offered.wheels if targets(record) == mine]
    return nearest_to_torch(_choose(own, replace(environment, torch=None), deepspeed), environment)


def nearest_to_torch(bare: Choice, environment: Environment) -> Rejection | None:
    """Of the choice without a torch, the best wheel that is nearest to the torch that is here."""
    usable = bare.rejected.of({"torch"})
    if not usable and not environment.machine.graphics.is_unknown:
        usable = bare.rejected.of({"torch", "cuda"})
    if environment.torch:
        usable = usable.of(torch=environment.torch.minor) or usable
        usable = usable.of(cuda=environment.torch.variant) or usable
    return usable[0] if usable else None
