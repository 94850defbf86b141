"""How fast a plan of 100 000 combinations expands, against asking every rule of every target: `python -m bench.plan`.

Printed: seconds and combinations a second of `expand`, its peak memory, the same of the naive way (on a sample, whose
answers must be the same), the ratio, and how long `invoke --list` and `nox -l` take to start.
"""

from __future__ import annotations

import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TypeVar

from scripts.facts.facts import Facts
from scripts.facts.load import load_facts
from scripts.plan.expand import axes_of, combinations, expand
from scripts.plan.matrix import Matrix, load_matrix
from scripts.plan.target import Target
from scripts.versions import cuda_version

ROOT = Path(__file__).parent.parent
SAMPLE = 50  # the naive way is asked about every fiftieth target
ROUNDS = 3

T = TypeVar("T")


def large_matrix(matrix: Matrix, facts: Facts) -> Matrix:
    """Everything the facts know on every axis, with our exclusions and priorities: well over 100 000 combinations."""
    variants = {variant for torch in facts.torch.values() for variant in torch.cuda}
    known = sorted(variant for variant in variants if cuda_version(variant) in facts.cuda)
    return replace(
        matrix,
        deepspeed=tuple(facts.deepspeed),
        torch=tuple(facts.torch),
        cuda=("cpu", *known),
        python=tuple(facts.pythons),
        arches={variant: matrix.arches.get(variant, "7.5;8.0;9.0") for variant in known},
    )


def naive_rule(target: Target, matrix: Matrix, facts: Facts) -> str | None:
    """The id of the first refusal, every rule asked anew."""
    context = matrix.context_of(target, facts)
    refusals = [(rule.id, rule.when) for rule in facts.rules if rule.level == "refuse"]
    exclusions = [(f"matrix:{row.id}", row.when) for row in matrix.exclude]
    return next((name for name, when in [*refusals, *exclusions] if when.holds(context)), None)


def timed(work: Callable[[], T]) -> tuple[float, T]:
    """Seconds, and what the work returned."""
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


def peak_bytes(work: Callable[[], object]) -> int:
    """The most memory that the work held at once."""
    tracemalloc.start()
    work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def cold_start(*words: str) -> float:
    """Seconds that a program takes from nothing, the best of a few rounds; its output is thrown away."""
    command = [sys.executable, "-m", *words]
    return min(
        timed(lambda: subprocess.run(command, cwd=ROOT, capture_output=True, check=True))[0] for _ in range(ROUNDS)
    )


def main(words: Sequence[str] = ()) -> None:
    """Measure and print."""
    facts = load_facts()
    matrix = large_matrix(load_matrix(ROOT / "matrix.yaml", facts), facts)
    seconds, plan = min((timed(lambda: expand(matrix, facts)) for _ in range(ROUNDS)), key=lambda each: each[0])
    rules = {row.target: row.rule for row in plan.excluded}
    count = len(plan.targets) + len(plan.excluded)
    sample = list(islice(combinations(axes_of(matrix, facts)), 0, None, SAMPLE))
    naive_seconds, answers = timed(lambda: [naive_rule(target, matrix, facts) for target in sample])
    if answers != [rules.get(target) for target in sample]:
        raise SystemExit("the naive way gives other answers: expand is wrong")
    naive = naive_seconds / len(sample)
    print(f"{count} combinations: {len(plan.targets)} targets, {len(plan.excluded)} excluded with their reasons")
    print(
        f"expand     {seconds:6.2f} s  {count / seconds:9.0f} combinations/s  100 000 in {seconds / count * 1e5:.2f} s"
    )
    print(f"naive      {naive * count:6.2f} s  {1 / naive:9.0f} combinations/s  (from {len(sample)} of them)")
    print(f"ratio      {seconds / (naive * count):6.3f}")
    print(f"memory     {peak_bytes(lambda: expand(matrix, facts)) / 2**20:6.0f} MiB at most")
    for title, command, file in (
        ("invoke", ("invoke", "--list"), "tasks.py"),
        ("nox", ("nox", "-l"), "noxfile.py"),
    ):
        if (ROOT / file).exists():
            print(f"{title:6}     {cold_start(*command):6.2f} s  to start `{' '.join(command)}`")


if __name__ == "__main__":
    main(sys.argv[1:])
