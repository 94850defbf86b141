"""`Grid`: a number for every combination of the axes, so that the page needs a character for each and no row."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from packaging.version import Version

from scripts.plan.target import AXES, Target
from scripts.versions import SYSTEMS


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Five axes, each value in the order of the versions; any combination of them has a number."""

    values: dict[str, tuple[str, ...]]  # axis -> values; the last axis counts fastest

    @property
    def size(self) -> int:
        """How many combinations there are."""
        size = 1
        for values in self.values.values():
            size *= len(values)
        return size

    def numbers(self, targets: Iterable[Target]) -> list[int]:
        """The number of each target's combination, below `size`."""
        positions = [{value: index for index, value in enumerate(self.values[axis])} for axis in AXES]
        found = []
        for target in targets:
            number = 0
            for value, position in zip(coordinates(target), positions, strict=True):
                number = number * len(position) + position[value]
            found.append(number)
        return found


def grid_of(targets: Iterable[Target]) -> Grid:
    """The smallest grid that holds each of the targets."""
    seen = {coordinates(target) for target in targets}
    columns = zip(*seen, strict=True) if seen else ((),) * len(AXES)
    return Grid(
        values={axis: tuple(sorted(set(column), key=KEYS[axis])) for axis, column in zip(AXES, columns, strict=True)}
    )


def coordinates(target: Target) -> tuple[str, str, str, str, str]:
    """The target's value on each of AXES; its torch is the minor, which is all that DeepSpeed compares."""
    return target.deepspeed, target.torch_minor, target.cuda, target.python, target.platform


def _python(version: str) -> tuple[Version, bool]:
    return Version(version.removesuffix("t")), version.endswith("t")


def _cuda(variant: str) -> int:
    return 0 if variant == "cpu" else int(variant.removeprefix("cu"))


KEYS: dict[str, Callable[[str], Any]] = {
    "platform": list(SYSTEMS).index,
    "deepspeed": Version,
    "torch": Version,
    "cuda": _cuda,
    "python": _python,
}
