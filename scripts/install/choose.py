"""Chooses a wheel for an environment: filter, sort, take the first; each rejected wheel has its reasons.

Each question is answered once for each value that the wheels have, so ten thousand wheels ask a few hundred.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import attrgetter
from typing import Any, overload

from packaging.version import Version

from scripts.install.environment import Environment
from scripts.install.mismatches import NO_ABIS, NO_DRIVERS, READ, Abis, Axes, Drivers, Mismatch, questions
from scripts.install.served_cards import without_code
from scripts.plan.distance import DECIMALS, by_numbers
from scripts.versions import cuda_version, minor_of
from scripts.wheel.record import WheelRecord

Columns = Mapping[str, Sequence[Any]]  # what is read of a record -> of each record


@dataclass(frozen=True, kw_only=True)
class Rejection:
    """A wheel that was rejected."""

    record: WheelRecord
    mismatches: tuple[Mismatch, ...]
    distance: float  # how far the wheel is from the environment


class Rejected(Sequence[Rejection]):
    """The rejected wheels, nearest first; each is made when it is looked at, since few of ten thousand are."""

    def __init__(
        self,
        records: Sequence[WheelRecord],
        answers: Sequence[Sequence[tuple[Mismatch, ...]]],
        distances: Sequence[float],
        order: Sequence[int],
    ) -> None:
        """Of these records, at those places: to each question the answers, and how far each record is."""
        self._records, self._answers, self._distances, self._order = records, answers, distances, order

    def __len__(self) -> int:
        return len(self._order)

    @overload
    def __getitem__(self, place: int) -> Rejection: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Rejection]: ...
    def __getitem__(self, place: int | slice) -> Rejection | Sequence[Rejection]:
        if isinstance(place, slice):
            return Rejected(self._records, self._answers, self._distances, self._order[place])
        return self._made(self._order[place])

    def of(self, wanted: Callable[[WheelRecord], bool]) -> Iterator[Rejection]:
        """Those of the wanted wheels."""
        return (self._made(place) for place in self._order if wanted(self._records[place]))

    def _made(self, place: int) -> Rejection:
        return Rejection(
            record=self._records[place],
            mismatches=tuple(chain.from_iterable(answers[place] for answers in self._answers)),
            distance=self._distances[place],
        )


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The wheel for an environment, if there is one, and every other with its reasons."""

    wheel: WheelRecord | None
    fitting: tuple[WheelRecord, ...]  # best first
    rejected: Rejected

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
    offered = tuple(records)
    columns = _columns(offered)
    axes = _axes(columns)
    answers, distances = [], []
    for question in questions(environment, deepspeed, axes, abis, drivers):
        keys = list(zip(*[columns[name] for name in question.reads], strict=True))
        known = {key: question.answer(record) for key, record in dict(zip(keys, offered, strict=True)).items()}
        far = {key: sum([mismatch.distance for mismatch in found]) for key, found in known.items()}
        answers.append([known[key] for key in keys])
        distances.append([far[key] for key in keys])
    total = [round(sum(found), DECIMALS) for found in zip(*distances, strict=True)]
    misfits = [any(found) for found in zip(*answers, strict=True)]
    newest = _newest_first(columns, axes, environment)
    fitting = tuple(offered[place] for place in newest if not misfits[place])
    order = sorted([place for place in newest if misfits[place]], key=total.__getitem__)
    return Choice(
        wheel=fitting[0] if fitting else None, fitting=fitting, rejected=Rejected(offered, answers, total, order)
    )


def _columns(records: Sequence[WheelRecord]) -> Columns:
    """What the questions read of each record: every record is looked at once, and what was read lies together."""
    values = zip(*map(attrgetter(*READ), records), strict=True)
    return dict(zip(READ, values, strict=True)) if records else dict.fromkeys(READ, ())


def _newest_first(columns: Columns, axes: Axes, environment: Environment) -> list[int]:
    """The places of the records: code for more of the cards, a newer DeepSpeed, a newer torch, CUDA before CPU.

    Of CUDAs the newest that the driver supports by itself, before one that it runs as a newer minor of its major.
    """
    graphics = environment.machine.graphics
    driver = Version(graphics.driver_cuda) if graphics.driver_cuda else None
    cuda = {variant: Version(cuda_version(variant) or "0") for variant in axes["cuda"]}
    own = {variant: driver is None or version <= driver for variant, version in cuda.items()}
    orders = {
        "target.deepspeed": sorted(axes["deepspeed"], key=Version),
        "target.torch": sorted(set(columns["target.torch"]), key=Version),
        "target.cuda": sorted(cuda, key=lambda variant: (own[variant], cuda[variant])),
        "target.python": axes["python"],
        "target.platform": axes["platform"],
    }
    unused = {arches: len(without_code(graphics, arches)) for arches in set(columns["arches"])}
    ranks = [-unused[arches] for arches in columns["arches"]]
    for name, order in orders.items():
        places = {value: place for place, value in enumerate(order)}
        step = len(places)
        ranks = [rank * step + places[value] for rank, value in zip(ranks, columns[name], strict=True)]
    return sorted(range(len(ranks)), key=ranks.__getitem__, reverse=True)


def _axes(columns: Columns) -> Axes:
    return {
        "torch": by_numbers({minor_of(torch) for torch in set(columns["target.torch"])}),
        **{axis: by_numbers(set(columns[f"target.{axis}"])) for axis in ("deepspeed", "cuda", "python", "platform")},
    }
