"""Faults on purpose: `invoke bench faults [--part NAME] [--seed N] [--scale 0.1] [--json]`.

Printed per part: tries, how many survived, how many lost, seconds, and seconds of a processor; below it a line for each
kind of loss with the words that repeat it. Exit code 1 when anything was lost.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

from bench.faults.part import Part, Tally, attempt
from bench.faults.parts import PARTS
from tests.verify.small_source import list_small_sources_until_exit

SECONDS_BETWEEN = 5.0  # two signs of life

Say = Callable[[str], None]


def say_nothing(line: str) -> None:
    """The progress of a run that nobody watches."""


def run_part(part: Part, tries: Iterable[int], seed: int, say: Say = say_nothing) -> Tally:
    """The tally of these tries, all in one place."""
    numbers, lost = list(tries), []
    started = said = time.monotonic()
    worked = processor_seconds()
    with tempfile.TemporaryDirectory(prefix="faults-") as folder, part.place(Path(folder)) as case:
        for done, number in enumerate(numbers, 1):
            if (loss := attempt(part, case, number, seed)) is not None:
                lost.append((loss, number))
            if time.monotonic() - said > SECONDS_BETWEEN:
                said = time.monotonic()
                say(f"  {part.name}: {done} of {len(numbers)}, {len(lost)} lost, {said - started:.0f} s")
    seconds = round(time.monotonic() - started, 1)
    losses = tuple(f"{loss}  [--part {part.name} --seed {seed} --case {number}]" for loss, number in lost)
    processor = round(processor_seconds() - worked, 1)
    return Tally(name=part.name, tried=len(numbers), lost=losses, seconds=seconds, processor=processor)


def processor_seconds() -> float:
    """What this process and its children that have ended took of the processors."""
    return sum(os.times()[:4])


def parts_named(names: str) -> tuple[Part, ...]:
    """The parts with these names, commas between them."""
    known = {part.name: part for part in PARTS}
    if unknown := [name for name in names.split(",") if name not in known]:
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: known are {', '.join(known)}")
    return tuple(known[name] for name in names.split(","))


def as_row(tally: Tally) -> str:
    """The tally as a line of the table."""
    counts = f"{tally.tried:6} {tally.survived:9} {len(tally.lost):5}"
    return f"{tally.name:16} {counts} {tally.seconds:8.1f} {tally.processor:9.1f}"


def loss_lines(tally: Tally) -> list[str]:
    """One line for each kind of loss: how often, and the first of them."""
    kinds: dict[str, list[str]] = {}
    for loss in tally.lost:
        kinds.setdefault(re.sub(r"\d+|'.*?'", "", loss.partition("  [")[0]), []).append(loss)
    return [f"  {len(losses)} times: {losses[0]}" for losses in kinds.values()]


def tally_elsewhere(part: Part, seed: int, scale: float) -> Tally:
    """The tally of a part that a process of its own tries."""
    words = ("--part", part.name, "--seed", str(seed), "--scale", str(scale), "--json")
    argv = (sys.executable, "-m", "bench.faults", *words)
    ran = subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=False)
    if not ran.stdout:
        lost = (f"the part itself ended with exit code {ran.returncode}  [--part {part.name} --seed {seed}]",)
        return Tally(name=part.name, tried=1, lost=lost, seconds=0, processor=0)
    (found,) = json.loads(ran.stdout)["parts"]
    return Tally(**{**found, "lost": tuple(found["lost"])})


def tallies(parts: Sequence[Part], seed: int, scale: float, case: int | None, jobs: int) -> Iterator[Tally]:
    """The tally of each part, several at once: a build's part mostly waits."""
    if len(parts) > 1 and jobs > 1 and case is None:
        with ThreadPoolExecutor(jobs) as pool:
            yield from pool.map(lambda part: tally_elsewhere(part, seed, scale), parts)
        return
    for part in parts:
        tries = range(part.count(scale)) if case is None else [case]
        yield run_part(part, tries, seed, lambda line: print(line, file=sys.stderr, flush=True))


def main(words: Sequence[str]) -> None:
    """Try everything and print the tallies; exit code 1 when anything was lost."""
    parser = argparse.ArgumentParser(prog="bench.faults")
    parser.add_argument("--part", type=parts_named, default=PARTS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--case", type=int, help="only this try, to repeat a loss")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(words)
    list_small_sources_until_exit()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # behind `&` a shell ignores it, and so would each build
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup ignores this one
    found = []
    if not given.json:
        print(f"{'part':16} {'tried':>6} {'survived':>9} {'lost':>5} {'seconds':>8} {'processor':>9}", flush=True)
    for tally in tallies(given.part, given.seed, given.scale, given.case, os.cpu_count() or 1):
        found.append(tally)
        if not given.json:
            print("\n".join([as_row(tally), *loss_lines(tally)]), flush=True)
    if given.json:
        print(json.dumps({"seed": given.seed, "parts": [asdict(tally) for tally in found]}, indent=1))
    if any(tally.lost for tally in found):
        raise SystemExit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
