"""Every part, in the order in which they run."""

from __future__ import annotations

from bench.faults.builds import FLIPS, KILLS, PAIRS
from bench.faults.documents import DATA, MATRIX
from bench.faults.lines import LINES
from bench.faults.part import Part
from bench.faults.records import RECORDS

PARTS: tuple[Part, ...] = (KILLS, PAIRS, FLIPS, MATRIX, DATA, RECORDS, LINES)
