"""Chooses a wheel for an environment: filter, sort, take the first; each rejected wheel has its reasons.

Each question is answered once for each value that the wheels have, so ten thousand wheels ask a few hundred.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

from packaging.version import Version

from scripts.install.environment import Environment
from scripts.install.mismatches import NO_ABIS, NO_DRIVERS, Abis, Axes, Drivers, Mismatch, Question, questions
from scripts.install.served_cards import without_code
from scripts.plan.distance import DECIMALS, by_numbers
from scripts.plan.target import Target
from scripts.versions import cuda_version, minor_of
from scripts.wheel.record import WheelRecord


@dataclass(frozen=True, kw_only=True)
class Rejection:
    """A wheel that was rejected."""

    record: WheelRecord
    mismatches: tuple[Mismatch, ...]
    distance: float  # how far the wheel is from the environment


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The wheel for an environment, if there is one, and every other with its reasons."""

    wheel: WheelRecord | None
    fitting: tuple[WheelRecord, ...]  # best first
    rejected: tuple[Rejection, ...]  # nearest first

    @property
    def nearest(self) -> Rejection | None:
        """The wheel for which the least would have to change."""
        return self.rejected[0] if self.rejected else None


def choose(
    records: Iterable[WheelRecord],
    environment: Environment,
    deepspeed: str = "",
    abis: Abis = NO_ABIS,
    drivers: Drivers = NO_DRIVERS,
) -> Choice:
    """The newest wheel that fits, of a DeepSpeed release or minor line if one is named.

    `abis` holds which C++ ABI the torch has that a wheel was built with; what is not in it is not compared. `drivers`
    holds which driver a CUDA version needs, for the words. Without a torch, a CUDA that the driver supports by itself
    comes before one that it runs as a newer minor of the same major.
    """
    newest = _newest_first(tuple(records), environment)
    asked = questions(environment, deepspeed, _axes([record.target for record in newest]), abis, drivers)
    answers = [_answers(question, newest) for question in asked]
    found = [tuple(chain.from_iterable(each)) for each in zip(*answers, strict=True)]
    fitting = tuple(record for record, why in zip(newest, found, strict=True) if not why)
    rejected = [
        Rejection(record=record, mismatches=why, distance=round(sum([each.distance for each in why]), DECIMALS))
        for record, why in zip(newest, found, strict=True)
        if why
    ]
    rejected.sort(key=lambda rejection: rejection.distance)
    return Choice(wheel=fitting[0] if fitting else None, fitting=fitting, rejected=tuple(rejected))


def _answers(question: Question, records: Sequence[WheelRecord]) -> list[tuple[Mismatch, ...]]:
    """The answer for each record."""
    known: dict[Hashable, tuple[Mismatch, ...]] = {}
    keys = [question.of(record) for record in records]
    for key, record in zip(keys, records, strict=True):
        if key not in known:
            known[key] = question.answer(record)
    return [known[key] for key in keys]


def _newest_first(records: Sequence[WheelRecord], environment: Environment) -> list[WheelRecord]:
    """Later is better: code for more of the cards, a newer DeepSpeed, a newer torch, CUDA before CPU, newer CUDA.

    Of CUDAs one that the driver supports by itself comes before one that it runs as a newer minor of its major.
    """
    graphics = environment.machine.graphics
    unused = {arches: len(without_code(graphics, arches)) for arches in {record.arches for record in records}}
    driver = environment.machine.graphics.driver_cuda
    targets = [record.target for record in records]
    deepspeed = _places({target.deepspeed for target in targets})
    torch = _places({target.torch for target in targets})
    cuda = {variant: Version(cuda_version(variant) or "0") for variant in {target.cuda for target in targets}}
    rank = {variant: (driver is None or version <= Version(driver), version) for variant, version in cuda.items()}
    order = {variant: place for place, variant in enumerate(sorted(rank, key=rank.__getitem__))}

    def key(record: WheelRecord) -> tuple[object, ...]:
        target = record.target
        return (
            -unused[record.arches],
            deepspeed[target.deepspeed],
            torch[target.torch],
            order[target.cuda],
            target.python,
            target.platform,
        )

    return sorted(records, key=key, reverse=True)


def _places(versions: Collection[str]) -> dict[str, int]:
    """Where each stands among them, by version."""
    return {text: place for place, text in enumerate(sorted(versions, key=lambda text: (Version(text), text)))}


def _axes(targets: Sequence[Target]) -> Axes:
    return {
        "deepspeed": by_numbers({target.deepspeed for target in targets}),
        "torch": by_numbers({minor_of(torch) for torch in {target.torch for target in targets}}),
        "cuda": by_numbers({target.cuda for target in targets}),
        "python": by_numbers({target.python for target in targets}),
        "platform": by_numbers({target.platform for target in targets}),
    }
