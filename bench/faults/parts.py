"""Every part, in the order in which they run."""

from __future__ import annotations

from bench.faults.builds import FLIPS, KILLS, PAIRS
from bench.faults.documents import MATRIX
from bench.faults.part import Part

PARTS: tuple[Part, ...] = (KILLS, PAIRS, FLIPS, MATRIX)
