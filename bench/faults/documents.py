"""Damaged documents: `matrix.yaml`, the data files, and what a site, a store or a cache holds of records."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.faults.mutations import damage_text
from bench.faults.part import Case, Part, ends_well
from scripts.dirs import CHECKOUT
from scripts.facts.load import load_facts
from scripts.plan.matrix import load_matrix


@contextmanager
def _matrix(folder: Path) -> Iterator[Case]:
    facts, whole, path = load_facts(), (CHECKOUT / "matrix.yaml").read_bytes(), folder / "matrix.yaml"

    def case(index: int, chance: random.Random) -> None:
        path.write_bytes(damage_text(whole, chance))
        ends_well(lambda: load_matrix(path, facts))

    yield case


MATRIX = Part(name="matrix", what="matrix.yaml, damaged", cases=2000, seconds=10, place=_matrix)
