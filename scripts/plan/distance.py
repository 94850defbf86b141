"""How far a wheel is from what a user has: one table for the page and `invoke find`.

Another DeepSpeed is one more install; another CUDA or torch is a download of gigabytes and may break what else uses it;
another Python is a new environment; another system is another machine. The page gets the numbers in its data
(page/data.py) and counts as it is done here (browser/model.js); a test compares both.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

WEIGHTS = {"platform": 40.0, "deepspeed": 1.0, "torch": 4.0, "cuda": 3.0, "python": 9.0}
LOSES_GPU = 25.0  # more, for CPU instead of CUDA or the other way round
OLDER = 0.05  # more, for going back: of two as near, the newer
DECIMALS = 6  # of a sum, so that its order does not matter


def distance(axis: str, mine: str, other: str, values: Sequence[str] = ()) -> float:
    """What the change of one axis counts: its weight, and less than 1.05 for the steps between the offered `values`."""
    gpu = LOSES_GPU if axis == "cuda" and (mine == "cpu") != (other == "cpu") else 0.0
    return WEIGHTS[axis] + gpu + (_far(mine, other, values) if values else 0.0)


def by_numbers(values: Iterable[str]) -> list[str]:
    """The values of an axis, each once, by the numbers in them."""
    return sorted(set(values), key=lambda value: (_numbers(value), value))


def _far(mine: str, other: str, values: Sequence[str]) -> float:
    steps = values.index(other) - _position(mine, values)
    return abs(steps) / len(values) + (OLDER if steps < 0 else 0.0)


def _position(value: str, values: Sequence[str]) -> float:
    """Where the value stands among the ordered values, or would stand: a half between two of them."""
    if value in values:
        return values.index(value)
    return sum(_numbers(other) < _numbers(value) for other in values) - 0.5


def _numbers(value: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", value))) or (0,)
