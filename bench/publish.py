"""Publishing 50 wheels to GitHub's stand-in on loopback, under every fault: `python -m bench.publish`.

Printed per run: requests, bytes sent, seconds, and whether the end state is the planned one; an observer looks all the
while whether a published asset is missing or different. Waits that GitHub asks for are counted, not waited. Every
request and answer is checked against GitHub's OpenAPI description.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from scripts.publish.candidates import Candidate
from scripts.publish.store import SUMS
from tests.github.contract import load_contract
from tests.github.fixtures import observed, published_files
from tests.github.rehearsal import RandomFaults, kill_publisher, publish_once
from tests.github.standin import StandIn, serving
from tests.verify.small_source import list_small_sources_until_exit
from tests.wheel.wheelhouse import expected_files, fill_wheelhouse, targets

WHEELS = 50
KILLS = 20
Run = Callable[[StandIn, Sequence[Candidate], Path], str]


def from_empty(standin: StandIn, wheels: Sequence[Candidate], folder: Path) -> str:
    """One undisturbed run."""
    return f"{publish_once(standin, wheels).bytes} bytes planned"


def again(standin: StandIn, wheels: Sequence[Candidate], folder: Path) -> str:
    """A second run; what the first sent is not counted."""
    publish_once(standin, wheels)
    standin.uploaded_bytes = 0
    publish_once(standin, wheels)
    return "the second run alone"


def killed(standin: StandIn, wheels: Sequence[Candidate], folder: Path) -> str:
    """Publishers in processes of their own, killed at random requests, then one that may end."""
    chance = random.Random(KILLS)
    died = sum(
        kill_publisher(standin, folder, chance.randint(1, 12), chance.choice([None, "drop", "cut"]))
        for _ in range(KILLS)
    )
    publish_once(standin, wheels)
    return f"{died} publishers killed"


def faulty(*kinds: str) -> Run:
    """A run in which a quarter of all requests goes wrong in these ways; all ways when none is named."""

    def run(standin: StandIn, wheels: Sequence[Candidate], folder: Path) -> str:
        slept: list[float] = []
        publish_once(standin, wheels[:10])
        standin.faults = RandomFaults(seed=1, kinds=kinds or None)
        publish_once(standin, wheels, slept)
        return f"{len(standin.injected)} faults, {sum(slept):.0f} s of waiting asked for"

    return run


RUNS: dict[str, Run] = {
    "from empty": from_empty,
    "repeated": again,
    "killed 20 times": killed,
    "500, 502, 503": faulty("500", "502", "503", "502-after"),
    "rate limits": faulty("429", "secondary", "secondary-after", "primary"),
    "dropped connections": faulty("drop", "drop-after", "cut"),
    "slow answers": faulty("slow"),
    "truncated, wrong digest": faulty("flip", "truncate", "starter"),
    "all of it": faulty(),
}


def main(words: Sequence[str] = ()) -> None:
    """Measure and print; exit code 1 when an end state is not the planned one."""
    failed = False
    list_small_sources_until_exit()
    print(f"{'run':24} {'requests':>8} {'bytes sent':>10} {'seconds':>8}  end state, gaps seen")
    with tempfile.TemporaryDirectory() as name:
        wheels = fill_wheelhouse(Path(name) / "wheels", targets(WHEELS))
        for title, run in RUNS.items():
            with serving(StandIn(contract=load_contract())) as standin, observed(standin.repository) as observer:
                started = time.perf_counter()
                detail = run(standin, wheels, Path(name))
                seconds = time.perf_counter() - started
                files = published_files(standin.repository)
            wheel_files = {file: digest for file, digest in files.items() if not file.startswith(SUMS)}
            right = wheel_files == expected_files(wheels) and not (observer.faults or standin.violations)
            failed = failed or not right
            state = f"{'as planned' if right else 'WRONG'}, {len(observer.faults)} gaps in {observer.looks} looks"
            print(f"{title:24} {len(standin.requests):8} {standin.uploaded_bytes:10} {seconds:8.2f}  {state}; {detail}")
    if failed:
        raise SystemExit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
