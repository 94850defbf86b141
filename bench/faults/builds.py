"""Builds that are ended by signals, that meet in one cache, and that find a damaged one."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.faults.build_runs import Clone, filed, require_no_orphan
from bench.faults.part import Case, LostError, Part
from bench.faults.small_build import make_clone, make_workshop, note_source

SIGNALS = tuple(getattr(signal, name, signal.SIGTERM) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGKILL"))
SECONDS = 600.0  # of one build, on a busy machine; an undisturbed one takes four
REAL_KILLS = 5  # in a row
REAL = ("--ops", "deepspeed_shm_comm", "--headers", "torch", "--verify", "audit")


@dataclass(frozen=True, kw_only=True)
class Site:
    """Clones to build in, what fills a new cache, and what an undisturbed build files and takes."""

    folder: Path
    clones: tuple[Clone, ...]
    fill: Callable[[Path], object]
    expected: dict[str, bytes]
    seconds: float

    def begin(self, index: int) -> Path:
        """An empty folder for a try, its cache as it is before any build."""
        folder = self.folder / f"try-{index}"
        self.fill(folder / "cache")
        return folder

    def finish(self, clone: Clone, folder: Path, output: str = "output") -> None:
        """Build undisturbed after the fault; raises LostError unless the wheel is the expected one."""
        mark = f"{folder} finish"
        clone.start(folder / "cache", folder / output, mark).end(SECONDS).require()
        require_no_orphan(mark)
        self.require_right(folder / output)

    def require_right(self, output: Path) -> None:
        """Raises LostError unless an undisturbed build's wheel, and no other, is filed."""
        found = filed(output)
        if found != self.expected:
            others = sorted(name for name in {*found, *self.expected} if found.get(name) != self.expected.get(name))
            raise LostError(f"wrong wheel: {', '.join(others)} differ from an undisturbed build's")


def make_site(folder: Path, clones: tuple[Clone, ...], fill: Callable[[Path], object]) -> Site:
    """The site, after one undisturbed build."""
    fill(folder / "undisturbed")
    started = time.monotonic()
    clones[0].start(folder / "undisturbed", folder / "expected", "undisturbed").end(SECONDS).require()
    seconds, expected = time.monotonic() - started, filed(folder / "expected")
    assert len(expected) == 1
    return Site(folder=folder, clones=clones, fill=fill, expected=expected, seconds=seconds)


@contextmanager
def small_site(folder: Path, clones: int) -> Iterator[Site]:
    """A site for small builds."""
    workshop = make_workshop(folder)
    made = tuple(workshop.clone(f"clone-{number}") for number in range(clones))
    yield make_site(folder, made, lambda cache: note_source(workshop.source, cache / "sources"))


@contextmanager
def _kills(folder: Path) -> Iterator[Case]:
    with small_site(folder, 1) as site:
        yield lambda index, chance: kill_once(site, index, chance)


def kill_once(site: Site, index: int, chance: random.Random) -> None:
    """A build ended by a signal, every second one while compilers hang, then one that may finish."""
    (clone, *_), folder, number = site.clones, site.begin(index), SIGNALS[index % len(SIGNALS)]
    mark, hang, seconds = f"{folder} killed", folder / "hang", 0.95 * site.seconds
    if (index + index // len(SIGNALS)) % 2:  # each signal in turn
        hang.touch()
        seconds *= 2
    build = clone.start(folder / "cache", folder / "output", mark)
    pause = chance.uniform(0, seconds)
    time.sleep(pause)
    while not build.runs:  # faster than the undisturbed one: once more, from nothing, and earlier
        pause /= 2
        build.end(SECONDS)
        shutil.rmtree(folder)
        build = clone.start(site.begin(index) / "cache", folder / "output", mark)
        time.sleep(pause)
    terminal = number == signal.SIGINT or (number != signal.SIGTERM and chance.random() < 0.3)
    build.send(number, group=terminal)
    build.end(SECONDS)
    require_no_orphan(mark)
    hang.unlink(missing_ok=True)
    site.finish(clone, folder)
    shutil.rmtree(folder)


@contextmanager
def _real_kills(folder: Path) -> Iterator[Case]:
    """A real nox, a real environment, a real DeepSpeed: each try ends its build five times before it may finish."""
    settings = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "UV_"))}
    root = make_clone(folder / "clone")
    clone = Clone(root=root, python=Path(sys.executable), words=REAL, variables=settings)
    site = make_site(folder, (clone,), lambda cache: cache.mkdir(parents=True))

    def case(index: int, chance: random.Random) -> None:
        folder, number = site.begin(index), SIGNALS[index % len(SIGNALS)]
        shutil.copytree(site.folder / "undisturbed" / "sources", folder / "cache" / "sources")
        for time_of_kill in sorted(chance.uniform(0, site.seconds) for _ in range(REAL_KILLS)):
            mark = f"{folder} {time_of_kill}"
            build = clone.start(folder / "cache", folder / "output", mark)
            time.sleep(time_of_kill)
            build.send(number, group=number == signal.SIGINT)
            build.end(SECONDS)
            require_no_orphan(mark)
        site.finish(clone, folder)
        shutil.rmtree(folder)

    yield case


@contextmanager
def _pairs(folder: Path) -> Iterator[Case]:
    with small_site(folder, 2) as site:

        def case(index: int, chance: random.Random) -> None:
            folder = site.begin(index)
            builds = []
            for number, clone in enumerate(site.clones):
                builds.append(clone.start(folder / "cache", folder / f"output-{number}", f"{folder} pair"))
                time.sleep(chance.uniform(0, site.seconds) if number == 0 else 0)
            runs = [build.end(SECONDS) for build in builds]
            require_no_orphan(f"{folder} pair")
            for number, run in enumerate(runs):
                run.require()
                site.require_right(folder / f"output-{number}")
            shutil.rmtree(folder)

        yield case


@contextmanager
def _flips(folder: Path) -> Iterator[Case]:
    """Each try flips a bit of another file of the op cache."""
    with small_site(folder, 1) as site:
        kept = folder / "undisturbed"
        files = sorted(path.relative_to(kept) for path in (kept / "ops").rglob("*") if path.is_file())
        assert 0 < len(files) <= FLIPS.cases, files

        def case(index: int, chance: random.Random) -> None:
            folder, file = site.folder / f"try-{index}", files[index % len(files)]
            shutil.copytree(kept, folder / "cache")
            data = bytearray((folder / "cache" / file).read_bytes())
            if data:
                data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
            (folder / "cache" / file).write_bytes(data)
            site.finish(site.clones[0], folder)
            shutil.rmtree(folder)

        yield case


KILLS = Part(name="build-kills", what="a small build, ended by a signal", cases=100, seconds=900, place=_kills)
REAL_BUILDS = Part(name="real-kills", what="a real build, ended five times", cases=4, seconds=3000, place=_real_kills)
PAIRS = Part(name="build-pairs", what="two builds of one target, one cache", cases=20, seconds=1200, place=_pairs)
FLIPS = Part(name="op-cache", what="each file of the op cache, a bit flipped", cases=12, seconds=600, place=_flips)
