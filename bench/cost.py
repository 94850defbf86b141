"""What one side of a comparison took."""

from __future__ import annotations

import time
from dataclasses import dataclass

import psutil


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What something took: seconds on the clock, and seconds of all processors, of this process and what it started."""

    wall: float
    processor: float

    @classmethod
    def now(cls) -> Cost:
        """Since this process began."""
        times = psutil.Process().cpu_times()
        return cls(
            wall=time.monotonic(),
            processor=times.user + times.system + times.children_user + times.children_system,
        )

    def __sub__(self, other: Cost) -> Cost:
        return Cost(wall=self.wall - other.wall, processor=self.processor - other.processor)

    def named(self, name: str) -> dict[str, float]:
        """Its figures."""
        return {f"{name}_seconds": self.wall, f"{name}_processor": self.processor}

    def over(self, name: str, other: Cost) -> dict[str, float]:
        """Its ratio to another."""
        return {name: self.wall / other.wall, f"{name}_processor": self.processor / other.processor}
