"""Damaged files that people edit: `matrix.yaml` and the rows of `scripts/data`."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from bench.faults.mutations import damage_text
from bench.faults.part import Case, Part, ends_well
from scripts.dirs import CHECKOUT
from scripts.facts.facts import Facts
from scripts.facts.load import DATA as DATA_FILES
from scripts.facts.load import load_facts
from scripts.plan.matrix import load_matrix
from scripts.plan.selected_plan import plan_of
from scripts.plan.selection import Selection

FEW = Selection(deepspeed=("0.19",), py=("3.11",))  # enough of the plan that every rule and exclusion is asked


@contextmanager
def _matrix(folder: Path) -> Iterator[Case]:
    facts, whole, path = load_facts(), (CHECKOUT / "matrix.yaml").read_bytes(), folder / "matrix.yaml"

    def case(index: int, chance: random.Random) -> None:
        path.write_bytes(damage_text(whole, chance))
        ends_well(partial(_plan, path, facts))

    yield case


@contextmanager
def _data(folder: Path) -> Iterator[Case]:
    files, rows = sorted(DATA_FILES.glob("*.yaml")), folder / "data"
    shutil.copytree(DATA_FILES, rows)

    def case(index: int, chance: random.Random) -> None:
        file = files[index % len(files)]
        (rows / file.name).write_bytes(damage_text(file.read_bytes(), chance))
        ends_well(lambda: _plan(CHECKOUT / "matrix.yaml", load_facts.__wrapped__(rows)))
        shutil.copyfile(file, rows / file.name)

    yield case


def _plan(matrix: Path, facts: Facts) -> None:
    """Read the matrix, and plan some of it."""
    plan_of(load_matrix(matrix, facts), facts, FEW, {})


MATRIX = Part(name="matrix", what="matrix.yaml, damaged", cases=2000, seconds=30, place=_matrix)
DATA = Part(name="data", what="a file of scripts/data, damaged", cases=500, seconds=30, place=_data)
