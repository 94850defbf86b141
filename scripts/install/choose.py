"""Chooses a wheel for an environment: filter, sort, take the first; each rejected wheel has its reasons.

Each question is answered once for each value that the wheels have, so ten thousand wheels ask a few hundred.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, count
from operator import attrgetter
from typing import Any, overload

from packaging.version import Version

from scripts.install.environment import Environment
from scripts.install.mismatches import NO_ABIS, NO_DRIVERS, READ, Abis, Axes, Drivers, Mismatch, Question, questions
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


@dataclass(frozen=True, kw_only=True)
class Found:
    """What one question found: its different answers, and which of them is that of each record."""

    answers: Sequence[tuple[Mismatch, ...]]
    which: Sequence[int]


class Rejected(Sequence[Rejection]):
    """The rejected wheels, nearest first; each is made when it is looked at, since few of ten thousand are."""

    def __init__(
        self,
        records: Sequence[WheelRecord],
        columns: Columns,
        found: Sequence[Found],
        distances: Sequence[float],
        order: Sequence[int],
    ) -> None:
        """Of these records those at the places in `order`."""
        self._records, self._columns, self._found = records, columns, found
        self._distances, self._order = distances, order

    def __len__(self) -> int:
        return len(self._order)

    @overload
    def __getitem__(self, place: int) -> Rejection: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Rejection]: ...
    def __getitem__(self, place: int | slice) -> Rejection | Sequence[Rejection]:
        if isinstance(place, slice):
            return [self._made(each) for each in self._order[place]]
        return self._made(self._order[place])

    def of(self, what: Collection[str] = (), **axes: str) -> Rejected:
        """Those that differ in just `what`, if it is given, and whose targets have these values, `python="3.11"`.

        A torch is named by its minor.
        """
        places = self._order
        for axis, value in axes.items():
            column = self._columns[f"target.{axis}"]
            fits = {each for each in set(column) if (minor_of(each) if axis == "torch" else each) == value}
            places = [place for place in places if column[place] in fits]
        if what:
            told = [[{mismatch.what for mismatch in answer} for answer in found.answers] for found in self._found]
            which = [found.which for found in self._found]
            wanted = set(what)
            places = [
                place
                for place in places
                if set().union(*[sets[numbers[place]] for sets, numbers in zip(told, which, strict=True)]) == wanted
            ]
        return Rejected(self._records, self._columns, self._found, self._distances, places)

    def _made(self, place: int) -> Rejection:
        answers = (found.answers[found.which[place]] for found in self._found)
        return Rejection(
            record=self._records[place],
            mismatches=tuple(chain.from_iterable(answers)),
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
    found = [_found(each, columns, offered) for each in questions(environment, deepspeed, axes, abis, drivers)]
    total = [round(sum(distances), DECIMALS) for distances in zip(*map(_distances, found), strict=True)]
    newest = _newest_first(columns, axes, environment)
    fitting = tuple(offered[place] for place in newest if not total[place])  # each mismatch has its distance
    order = sorted([place for place in newest if total[place]], key=total.__getitem__)
    return Choice(
        wheel=fitting[0] if fitting else None,
        fitting=fitting,
        rejected=Rejected(offered, columns, found, total, order),
    )


def _found(question: Question, columns: Columns, records: Sequence[WheelRecord]) -> Found:
    """The question answered once for each different thing that it reads."""
    numbers: defaultdict[Any, int] = defaultdict(count().__next__)
    which = [numbers[read] for read in zip(*[columns[name] for name in question.reads], strict=True)]
    alike = dict(zip(which, records, strict=True))
    return Found(answers=[question.answer(alike[number]) for number in range(len(alike))], which=which)


def _distances(found: Found) -> Iterator[float]:
    """How far each record is from the answer that was wanted."""
    each = [sum([mismatch.distance for mismatch in answer]) for answer in found.answers]
    return map(each.__getitem__, found.which)


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
    unused = {arches: -len(without_code(graphics, arches)) for arches in set(columns["arches"])}
    step, numbers = 1, []
    for order in reversed(orders.values()):
        numbers.append({value: place * step for place, value in enumerate(order)})
        step *= len(order)
    platform, python, variant, torch, deepspeed = numbers
    cards = {arches: least * step for arches, least in unused.items()}
    read = zip(*[columns[name] for name in orders], columns["arches"], strict=True)
    ranks = [deepspeed[d] + torch[t] + variant[c] + python[p] + platform[s] + cards[a] for d, t, c, p, s, a in read]
    return sorted(range(len(ranks)), key=ranks.__getitem__, reverse=True)


def _axes(columns: Columns) -> Axes:
    return {
        "torch": by_numbers({minor_of(torch) for torch in set(columns["target.torch"])}),
        **{axis: by_numbers(set(columns[f"target.{axis}"])) for axis in ("deepspeed", "cuda", "python", "platform")},
    }
