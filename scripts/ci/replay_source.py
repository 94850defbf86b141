"""Where a replay file comes from: a file, the last build of a target here, or a run or job on GitHub."""

from __future__ import annotations

import re
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from scripts.command import Log
from scripts.errors import InputError, PublishError
from scripts.fetch.limits import save
from scripts.plan.target import ID
from scripts.publish.github_client import GitHubClient
from scripts.wheel.members import DAMAGED
from scripts.wheel_build.replay import MOST_BYTES, SUFFIX

RUN = re.compile(r"https://github\.com/([\w.-]+/[\w.-]+)/actions/runs/(\d{1,20})(?:/attempts/\d+)?/?(?:[?#].*)?")
JOB = re.compile(r"https://github\.com/([\w.-]+/[\w.-]+)/actions/runs/(\d{1,20})/job/(\d{1,20})(?:[?#].*)?")
ARTIFACT = "replay-"  # begins the name of the small artifact of a failed job; the job's own has the wheel, too
MOST_ARTIFACT = 3_000_000_000
MOST_LOG = 200_000_000


@dataclass(frozen=True, kw_only=True)
class FoundReplay:
    """The content of a replay file, and where it is from."""

    place: str
    content: bytes


def find_replay(what: str, chosen: str, logs: Path, client: GitHubClient, log: Log) -> FoundReplay:
    """The replay file that `what` means: an address of GitHub, a file, a target's id; `chosen` is an id of several.

    Raises InputError where there is none, or several.
    """
    if job := JOB.fullmatch(what):
        return _of_job(job[1], job[2], job[3], client, log)
    if run := RUN.fullmatch(what):
        return _of_run(run[1], run[2], chosen, client, log)
    if "://" in what:
        raise InputError(
            f"{what} is no address of a run or a job; give one such as https://github.com/OWNER/REPO/actions/runs/1, "
            "a replay file, or a target's id",
            id="replay-not-found",
        )
    if ID.fullmatch(what) and not Path(what).exists():
        return _of_logs(logs, what)
    return _of_file(Path(what), chosen)


def _of_logs(logs: Path, target: str) -> FoundReplay:
    """The newest of the files that builds of the target left, of the whole or of some ops."""
    found = sorted(logs.glob(f"{target}*{SUFFIX}"), key=lambda path: path.stat().st_mtime_ns)
    if not found:
        raise InputError(
            f"no build of {target} has left a replay file in {logs}; give a file, or the address of a run",
            id="replay-not-found",
        )
    return FoundReplay(place=str(found[-1]), content=found[-1].read_bytes())


def _of_file(path: Path, chosen: str) -> FoundReplay:
    try:
        if zipfile.is_zipfile(path):
            return FoundReplay(place=str(path), content=_member(path, chosen, str(path)))
        with path.open("rb") as file:
            return FoundReplay(place=str(path), content=file.read(MOST_BYTES + 1))
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror}); give a replay file, a target's id, or the address of a run",
            id="file-not-usable",
        ) from None


def _member(path: Path, chosen: str, place: str) -> bytes:
    """The replay file in an artifact, the one that `chosen` names where there are several; raises InputError."""
    try:
        with zipfile.ZipFile(path) as archive:
            return _named_member(archive, chosen, place)
    except DAMAGED as error:
        raise InputError(
            f"{place} is no archive that can be unpacked ({error}); download it again, or give the replay file itself",
            id="file-not-usable",
        ) from None


def _named_member(archive: zipfile.ZipFile, chosen: str, place: str) -> bytes:
    names = [name for name in archive.namelist() if name.endswith(SUFFIX)]
    named = [name for name in names if name.rpartition("/")[2].startswith(chosen)]
    if not named:
        raise InputError(f"{place} holds no replay file{f' of {chosen}' if chosen else ''}", id="replay-not-found")
    if len(named) > 1:
        ids = ", ".join(sorted(name.rpartition("/")[2].removesuffix(SUFFIX) for name in named))
        raise InputError(f"{place} holds several replay files; name one with --id: {ids}", id="replay-not-found")
    with archive.open(named[0]) as member:
        return member.read(MOST_BYTES + 1)


def _of_job(repository: str, run: str, job: str, client: GitHubClient, log: Log) -> FoundReplay:
    found = _mapping(client.json("GET", f"/repos/{repository}/actions/jobs/{job}"))
    target = str(found.get("name", ""))
    if not ID.fullmatch(target):
        raise InputError(
            f"job {job} of {repository} is called {target[:100]!r}, and is none that builds a target",
            id="replay-not-found",
        )
    return _of_target(repository, run, {"id": job, "name": target}, client, log)


def _of_run(repository: str, run: str, chosen: str, client: GitHubClient, log: Log) -> FoundReplay:
    """That of the job that failed, or of the one that `chosen` names."""
    jobs = _entries(client, f"/repos/{repository}/actions/runs/{run}/jobs", "jobs")
    builds = [one for one in jobs if ID.fullmatch(str(one.get("name", "")))]
    wanted = [one for one in builds if one["name"] == chosen] if chosen else _failed(builds)
    if not chosen and not wanted and len(builds) == 1:
        wanted = builds
    if len(wanted) != 1:
        names = ", ".join(sorted(str(one["name"]) for one in wanted or builds)) or "none"
        what = f"{len(wanted)} targets failed in" if wanted else "no job that failed builds a target in"
        raise InputError(
            f"{what} run {run} of {repository}; name one with --id, of these: {names}", id="replay-not-found"
        )
    return _of_target(repository, run, wanted[0], client, log)


def _failed(jobs: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [one for one in jobs if one.get("conclusion") in ("failure", "timed_out")]


def _of_target(repository: str, run: str, job: Mapping[str, Any], client: GitHubClient, log: Log) -> FoundReplay:
    """That in the artifact of a job, else in its log, which outlives it."""
    target = str(job["name"])
    artifacts = {
        str(one.get("name")): one
        for one in _entries(client, f"/repos/{repository}/actions/runs/{run}/artifacts", "artifacts")
        if not one.get("expired")
    }
    for name in (f"{ARTIFACT}{target}", target):
        if name in artifacts:
            try:
                content = _download(
                    client, f"/repos/{repository}/actions/artifacts/{artifacts[name]['id']}/zip", target
                )
            except (PublishError, InputError) as error:
                log(f"the artifact {name} is passed over: {error}")
            else:
                return FoundReplay(place=f"artifact {name} of run {run} of {repository}", content=content)
    log(f"run {run} has no artifact of {target} any more; its log is read")
    content = _in_log(client, repository, str(job["id"]), target)
    return FoundReplay(place=f"log of job {job['id']} of {repository}", content=content)


def _download(client: GitHubClient, path: str, target: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "artifact.zip"
        _save(client, path, file, MOST_ARTIFACT)
        return _member(file, target, "the artifact")


def _in_log(client: GitHubClient, repository: str, job: str, target: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "job.log"
        _save(client, f"/repos/{repository}/actions/jobs/{job}/logs", file, MOST_LOG)
        with file.open("rb") as lines:
            for line in lines:
                start = line.find(b'{"schema"')
                if start >= 0 and f'"target": "{target}"'.encode() in line:
                    return line[start:].strip()
    raise InputError(
        f"neither an artifact nor the log of job {job} of {repository} holds a replay file; "
        f"'invoke build --id {target}' builds the target with what there is now",
        id="replay-not-found",
    )


def _save(client: GitHubClient, path: str, file: Path, most: int) -> None:
    answer = client.request("GET", client.api + path, stream=True, headers={"Accept-Encoding": "identity"})
    try:
        with answer:
            save(answer, file, most)
    except requests.RequestException as error:
        raise PublishError(
            f"GET {path}: not all of it came ({type(error).__name__}); try again", id="github-not-available"
        ) from None


def _entries(client: GitHubClient, path: str, key: str) -> Iterator[Mapping[str, Any]]:
    """The entries of a list about a run."""
    return (one for one in client.pages(path, inside=key) if isinstance(one, dict))


def _mapping(document: object) -> Mapping[str, Any]:
    if isinstance(document, dict):
        return document
    raise PublishError("GitHub's answer is not as documented; try again later", id="github-not-available")
