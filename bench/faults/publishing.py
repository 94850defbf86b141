"""Publishers that are killed, or meet: on GitHub's stand-in and in a folder."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.faults.build_runs import TRACEBACK
from bench.faults.doomed import count_touches, run_doomed
from bench.faults.part import Case, LostError, Part
from scripts.dirs import CHECKOUT, OUTPUT_VARIABLE
from scripts.files import sha256_of
from scripts.publish.candidates import Candidate
from scripts.publish.publisher import Publisher, make_plan
from scripts.publish.store import STAGED, SUMS
from scripts.publish.store_directory import DRAFT, PART, DirectoryStore
from tests.github.fixtures import observed, published_files
from tests.github.rehearsal import kill_publisher, publish_once, publisher_environment
from tests.github.standin import REPOSITORY, StandIn, serving
from tests.wheel.wheelhouse import ROOM, expected_files, fill_wheelhouse, targets

WHEELS, BEFORE = 8, 3
MOST_REQUESTS = 30  # of a publisher of so many wheels, about
SECONDS = 120.0


@dataclass(frozen=True, kw_only=True)
class House:
    """A wheelhouse to publish, in `folder`/wheels."""

    folder: Path
    wheels: Sequence[Candidate]

    @property
    def expected(self) -> dict[str, str]:
        """Name and digest of every file that is published in the end."""
        return expected_files(self.wheels)

    @property
    def environment(self) -> dict[str, str]:
        """What `invoke` is told of it."""
        return {OUTPUT_VARIABLE: str(self.folder)}


@contextmanager
def house(folder: Path) -> Iterator[House]:
    """A filled one."""
    yield House(folder=folder, wheels=fill_wheelhouse(folder / "wheels", targets(WHEELS)))


@contextmanager
def _kills(folder: Path) -> Iterator[Case]:
    with house(folder) as made:
        words, store = ["publish", "--store"], folder / "counted"
        touches = count_touches(store, [*words, f"dir:{store}"], made.environment)

        def case(index: int, chance: random.Random) -> None:
            before = made.wheels[: chance.choice([0, BEFORE])]
            if index % 2:
                kill_in_folder(made, before, folder / f"store-{index}", chance, touches)
            else:
                kill_on_github(made, before, chance)

        yield case


def kill_on_github(made: House, before: Sequence[Candidate], chance: random.Random) -> None:
    """A publisher killed at one of its requests, then one that may finish."""
    with github(made, before) as standin:
        what = chance.choice([None, "drop", "cut"])
        kill_publisher(standin, made.folder, chance.randint(1, MOST_REQUESTS), what)
        publish_once(standin, made.wheels)


@contextmanager
def github(made: House, before: Sequence[Candidate]) -> Iterator[StandIn]:
    """A stand-in with some wheels; raises LostError unless all are there in the end, and none was ever gone."""
    with serving(StandIn()) as standin:
        if before:
            publish_once(standin, before)
        with observed(standin.repository) as observer:
            yield standin
        require_published(made, published_files(standin.repository))
        if observer.faults:
            raise LostError(f"published files: {', '.join(observer.faults[:3])}")


def kill_in_folder(made: House, before: Sequence[Candidate], store: Path, chance: random.Random, touches: int) -> None:
    """A publisher killed when it touches its store, then one that may finish."""
    if before:
        publish_in_folder(before, store)
    seen = files_of(store)
    words = ["publish", "--store", f"dir:{store}"]
    pause = chance.choice([0, 0, chance.uniform(0, 0.01)])
    ran = run_doomed(store, words, touches=chance.randint(1, touches), pause=pause, env=made.environment)
    require_told(ran.stderr)
    require_kept(seen, files_of(store))
    publish_in_folder(made.wheels, store)
    require_published(made, files_of(store))
    shutil.rmtree(store)


def publish_in_folder(wheels: Sequence[Candidate], store: Path) -> None:
    """One undisturbed run in this process."""
    store.mkdir(exist_ok=True)
    directory = DirectoryStore(store)
    Publisher(store=directory).publish(make_plan(directory, wheels, ROOM))


def files_of(store: Path) -> dict[str, str]:
    """Name and digest of what a folder has published."""
    releases = [path for path in store.glob("v*") if path.suffix != DRAFT] if store.is_dir() else []
    unfinished = (PART, STAGED)
    found = [file for path in releases for file in path.iterdir() if not file.name.endswith(unfinished)]
    return {file.name: sha256_of(file) for file in found}


def require_published(made: House, files: Mapping[str, str]) -> None:
    """Raises LostError unless the files are those of the wheelhouse and their sums."""
    found = {name: digest for name, digest in files.items() if not name.startswith(SUMS)}
    if found != made.expected:
        wrong = sorted(name for name in {*found, *made.expected} if found.get(name) != made.expected.get(name))
        raise LostError(f"not published as planned: {', '.join(wrong[:4])}")


def require_kept(before: Mapping[str, str], now: Mapping[str, str]) -> None:
    """Raises LostError when a published file is gone or has other bytes; the sums are renewed."""
    wrong = [name for name, digest in before.items() if now.get(name) != digest]
    if wrong:
        raise LostError(f"published files are gone or changed: {', '.join(wrong[:4])}")


def require_told(said: str) -> None:
    """Raises LostError for a traceback."""
    if TRACEBACK in said:
        raise LostError(f"traceback: {' | '.join(said[said.index(TRACEBACK) :].splitlines()[-4:])}")


@contextmanager
def _pairs(folder: Path) -> Iterator[Case]:
    with house(folder) as made:

        def case(index: int, chance: random.Random) -> None:
            before = made.wheels[: chance.choice([0, BEFORE])]
            store, pause = folder / f"store-{index}", chance.uniform(0, 0.5)
            if index % 2 == 0:
                with github(made, before) as standin:
                    meet(f"github:{REPOSITORY}", publisher_environment(standin, folder), pause)
                    publish_once(standin, made.wheels)
                return
            publish_in_folder(before, store)
            seen = files_of(store)
            meet(f"dir:{store}", publisher_environment(StandIn(), folder), pause)
            require_kept(seen, files_of(store))
            publish_in_folder(made.wheels, store)
            require_published(made, files_of(store))
            shutil.rmtree(store)

        yield case


def meet(store: str, environment: Mapping[str, str], pause: float) -> None:
    """Two publishers of one wheelhouse at once; each is done, or says why it is not."""
    running = []
    for number in range(2):
        argv = [sys.executable, "-m", "invoke", "publish", "--store", store]
        streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        running.append(subprocess.Popen(argv, cwd=CHECKOUT, env=dict(environment), text=True, **streams))  # type: ignore[call-overload]
        time.sleep(pause if number == 0 else 0)
    for process in running:
        said, _ = process.communicate(timeout=SECONDS)
        require_told(said)
        if process.returncode and "error[" not in said:
            raise LostError(f"a publisher ends with exit code {process.returncode}, and no message: {said[-300:]}")


KILLS = Part(name="publish-kills", what="a publisher, killed", cases=100, seconds=300, place=_kills)
PAIRS = Part(name="publish-pairs", what="two publishers of one wheelhouse", cases=60, seconds=300, place=_pairs)
