"""Publishing to the stand-in under bad conditions, with figures; shared by the tests and `invoke bench publish`."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from scripts.publish.candidates import Candidate
from scripts.publish.publish_plan import PublishPlan
from scripts.publish.publisher import Publisher, make_plan
from tests.github.fixtures import quick_store
from tests.github.standin import ANYWHERE, REPOSITORY, TOKEN, UPLOADS, StandIn
from tests.wheel.wheelhouse import ROOM

DAMAGE = ("flip", "truncate")
ROOT = Path(__file__).resolve().parent.parent.parent
PUBLISHER = (
    "from scripts.commands.publish_task import publish; from scripts.commands.store_options import PublishOptions; "
    f"publish(PublishOptions(store='github:{REPOSITORY}'))"
)


def publish_once(standin: StandIn, candidates: Sequence[Candidate], slept: list[float] | None = None) -> PublishPlan:
    """One run in this process, without real waits; what it did."""
    store = quick_store(standin, slept)
    plan = make_plan(store, candidates, ROOM)
    Publisher(store=store).publish(plan)
    return plan


@dataclass
class RandomFaults:
    """Lets a share of all requests go wrong, each in a way of its own.

    Damage is done three times at most: a file that arrives damaged for the fourth time is given up, and rightly.
    """

    seed: int
    share: float = 0.25
    kinds: Sequence[str] | None = None
    damages: int = 3
    _random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def __call__(self, method: str, path: str) -> str | None:
        """The fault of this request, if any."""
        upload = method == "POST" and path.endswith("/assets")
        possible = [k for k in self.kinds or UPLOADS if upload or k in ANYWHERE or k == "slow"]
        if not possible or self._random.random() >= self.share:
            return None
        kind = self._random.choice(possible)
        if kind in DAMAGE:
            self.damages -= 1
        return None if kind in DAMAGE and self.damages < 0 else kind


def publisher_environment(standin: StandIn, output: Path) -> dict[str, str]:
    """What a publisher in a process of its own is told."""
    told = {"GITHUB_API_URL": standin.address, "GITHUB_TOKEN": TOKEN, "DEEPSPEED_WHEELS_OUTPUT": str(output)}
    return {**os.environ, **told, "NO_PROXY": "127.0.0.1"}


def start_publisher(standin: StandIn, output: Path) -> subprocess.Popen[str]:
    """A publisher of `output`/wheels in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", PUBLISHER],
        cwd=ROOT,
        env=publisher_environment(standin, output),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


@dataclass
class Killer:
    """Ends a publisher for good when its n-th request arrives; the request is carried out, dropped or cut in half."""

    after: int
    what: str | None
    process: subprocess.Popen[str] | None = None

    def __call__(self, method: str, path: str) -> str | None:
        """The fault of this request."""
        self.after -= 1
        if self.after != 0 or self.process is None:
            return None
        self.process.kill()
        upload = method == "POST" and path.endswith("/assets")
        return self.what if upload or self.what != "cut" else "drop"


def kill_publisher(standin: StandIn, output: Path, after: int, what: str | None) -> bool:
    """Starts a publisher and kills it at its request number `after`; False when it was done before that."""
    killer = Killer(after, what)
    standin.faults = killer
    with start_publisher(standin, output) as process:
        killer.process = process
        said, _ = process.communicate(timeout=120)
    standin.faults = lambda method, path: None
    time.sleep(0.05)  # whatever of it was still under way arrives
    if killer.after > 0 and process.returncode != 0:
        raise AssertionError(said)
    return killer.after <= 0
