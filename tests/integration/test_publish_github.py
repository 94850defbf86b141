"""Against GitHub's contract on loopback: whatever happens on the way, what is published is what was planned."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from scripts.plan.target import parse_id
from scripts.publish.candidates import Candidate
from scripts.publish.publish_plan import Budget
from scripts.publish.publisher import Publisher, make_plan
from scripts.publish.store import SUMS
from tests.github.fixtures import observed, published_files, quick_store, standin
from tests.github.rehearsal import ROOT, RandomFaults, kill_publisher, publish_once, publisher_environment
from tests.github.standin import REPOSITORY, TOKEN, UPLOADS, StandIn
from tests.wheel.wheelhouse import expected_files, fill_wheelhouse, targets

__all__ = ["standin"]  # a fixture

many_processes = pytest.mark.skipif(sys.platform == "win32", reason="a start takes ten seconds under Wine")


def require_published(standin: StandIn, candidates: Sequence[Candidate]) -> None:
    """Exactly these wheels are published, in releases that list them; nothing is left over."""
    files = published_files(standin.repository)
    sums = {name: digest for name, digest in files.items() if name.startswith(SUMS)}
    assert {name: digest for name, digest in files.items() if name not in sums} == expected_files(candidates)
    names = {asset.name for asset in standin.repository.assets.values()}
    assert names == files.keys()
    newest = max(sums, key=len)
    content = next(asset.content for asset in standin.repository.assets.values() if asset.name == newest)
    listed = {name: digest for digest, _, name in (line.partition("  ") for line in content.decode().splitlines())}
    assert listed == expected_files(candidates)
    assert [release.fields["draft"] for release in standin.repository.releases.values()] == [False]


def require_nothing_to_send(standin: StandIn, candidates: Sequence[Candidate]) -> None:
    before, asked = standin.uploaded_bytes, len(standin.requests)
    assert publish_once(standin, candidates).jobs == ()
    assert standin.uploaded_bytes == before
    assert all(request.startswith("GET") for request in standin.requests[asked:])


def test_fifty_wheels_are_published_from_empty_and_a_second_run_sends_nothing(standin: StandIn, tmp_path: Path) -> None:
    candidates = fill_wheelhouse(tmp_path, targets(50))
    with observed(standin.repository) as observer:
        plan = publish_once(standin, candidates)
        assert standin.uploaded_bytes == plan.bytes
        require_published(standin, candidates)
        require_nothing_to_send(standin, candidates)
    assert observer.faults == []
    assert observer.looks > 1


def test_wheels_join_a_public_release_without_a_gap(standin: StandIn, tmp_path: Path) -> None:
    first = fill_wheelhouse(tmp_path, targets(3))
    publish_once(standin, first)
    with observed(standin.repository) as observer:
        every = fill_wheelhouse(tmp_path, targets(9))
        publish_once(standin, every)
    assert observer.faults == []
    require_published(standin, every)
    require_nothing_to_send(standin, every)


def test_what_does_not_fit_spills_into_numbered_releases(standin: StandIn, tmp_path: Path) -> None:
    candidates = fill_wheelhouse(tmp_path, targets(10))
    small = Budget(assets=13, bytes_each=2**31)
    for _ in range(2):
        store = quick_store(standin)
        Publisher(store=store).publish(make_plan(store, candidates, small))
        counts = Counter(asset.release for asset in standin.repository.assets.values())
        held = {release.fields["tag_name"]: counts[number] for number, release in standin.repository.releases.items()}
        assert held == {"v0.19.8": 13, "v0.19.8-2": 13, "v0.19.8-3": 7}
        files = published_files(standin.repository)
        assert {name: digest for name, digest in files.items() if name != SUMS} == expected_files(candidates)


@pytest.mark.parametrize("fault", [*UPLOADS, "slow"])
@pytest.mark.parametrize("before", [0, 2])
def test_every_fault_is_survived(standin: StandIn, tmp_path: Path, fault: str, before: int) -> None:
    if before:
        publish_once(standin, fill_wheelhouse(tmp_path, targets(before)))
    candidates = fill_wheelhouse(tmp_path, targets(5))
    standin.faults = RandomFaults(seed=7, kinds=(fault,))
    slept: list[float] = []
    with observed(standin.repository) as observer:
        publish_once(standin, candidates, slept)
    standin.faults = lambda method, path: None
    assert set(standin.injected) == {fault}
    assert observer.faults == []
    require_published(standin, candidates)
    require_nothing_to_send(standin, candidates)


@pytest.mark.parametrize("seed", [1, 2])
def test_all_faults_together_are_survived(standin: StandIn, tmp_path: Path, seed: int) -> None:
    publish_once(standin, fill_wheelhouse(tmp_path, targets(10)))
    candidates = fill_wheelhouse(tmp_path, targets(30))
    standin.faults = RandomFaults(seed=seed)
    with observed(standin.repository) as observer:
        publish_once(standin, candidates)
    standin.faults = lambda method, path: None
    assert len(set(standin.injected)) > 8
    assert observer.faults == []
    require_published(standin, candidates)
    require_nothing_to_send(standin, candidates)


@many_processes
@pytest.mark.parametrize("times", [3, pytest.param(10, marks=pytest.mark.nightly)])
def test_a_publisher_that_is_killed_again_and_again_is_taken_up(standin: StandIn, tmp_path: Path, times: int) -> None:
    """First while it fills a draft, then while it adds to the public release."""
    chance = random.Random(20)
    every = fill_wheelhouse(tmp_path / "wheels", targets(50))
    kills = 0
    with observed(standin.repository) as observer:
        for count in (25, 50):
            for candidate in every[count:]:
                (tmp_path / "wheels" / candidate.target.folder / candidate.manifest.name).rename(
                    tmp_path / candidate.manifest.name
                )
            for _ in range(times):
                kills += kill_publisher(standin, tmp_path, chance.randint(1, 18), chance.choice([None, "drop", "cut"]))
            publish_once(standin, every[:count])
            for candidate in every[count:]:
                (tmp_path / candidate.manifest.name).rename(
                    tmp_path / "wheels" / candidate.target.folder / candidate.manifest.name
                )
    assert kills == 2 * times
    assert observer.faults == []
    require_published(standin, every)
    require_nothing_to_send(standin, every)


@many_processes
def test_the_tasks_themselves_publish_and_then_plan_what_is_missing(standin: StandIn, tmp_path: Path) -> None:
    planned = json.loads(task(standin, tmp_path, "plan", "--deepspeed", "0.19.8", "--cuda", "cpu"))["targets"]
    first = {target["id"] for target in planned[:2]}
    fill_wheelhouse(tmp_path / "wheels", [parse_id(name) for name in first])
    store = ("--store", f"github:{REPOSITORY}")
    dry = json.loads(task(standin, tmp_path, "publish", *store, "--dry-run"))
    assert (dry["dry_run"], standin.uploaded_bytes) == (True, 0)
    done = json.loads(task(standin, tmp_path, "publish", *store))
    assert done["bytes"] == standin.uploaded_bytes == dry["bytes"]
    assert [(release["tag"], release["action"], release["assets"]) for release in done["releases"]] == [
        ("v0.19.8", "create", 7)
    ]
    asked = ("plan", "--deepspeed", "0.19.8", "--cuda", "cpu", "--missing", *store)
    left = json.loads(task(standin, tmp_path, *asked))["targets"]
    assert [target["id"] for target in left] == [target["id"] for target in planned if target["id"] not in first]


def task(standin: StandIn, output: Path, *words: str) -> str:
    """What a task prints; its exit code must be 0."""
    argv = [sys.executable, "-m", "invoke", *words, "--json"]
    env = publisher_environment(standin, output)
    ran = subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert TOKEN not in ran.stdout + ran.stderr
    return ran.stdout


def test_a_store_that_cannot_be_read_stops_the_plan(standin: StandIn, tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "invoke", "plan", "--missing", "--store", "github:someone/else", "--json"]
    env = publisher_environment(standin, tmp_path)
    ran = subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (21, "")
    assert "GitHub answered 404" in ran.stderr
