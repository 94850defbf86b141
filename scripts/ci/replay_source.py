"""Where a replay file comes from: a file, the last build of a target here, or a run or job on GitHub."""

from __future__ import annotations

import json
import re
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from scripts.ci.jobs import JOB_NAME, job_name
from scripts.command import Log
from scripts.errors import InputError, InterruptedBuildError, PublishError
from scripts.fetch.limits import save
from scripts.plan.target import ID, parse_id
from scripts.publish.github_client import GitHubClient
from scripts.wheel.members import DAMAGED
from scripts.wheel_build.replay import MOST_BYTES, SUFFIX

RUN = re.compile(r"https://github\.com/([\w.-]+/[\w.-]+)/actions/runs/(\d{1,20})(?:/attempts/\d+)?/?(?:[?#].*)?")
JOB_PAGE = re.compile(r"https://github\.com/([\w.-]+/[\w.-]+)/actions/runs/(\d{1,20})/job/(\d{1,20})(?:[?#].*)?")
ARTIFACT = "replay-"  # begins the name of the small artifact of a failed job; the job's own has the wheel, too
MOST_ARTIFACT = 3_000_000_000
MOST_LOG = 200_000_000
PRINTED = re.compile(rb'"target": "(%s)"' % re.sub(r"\(\?P<\w+>", "(?:", ID.pattern).encode())


@dataclass(frozen=True, kw_only=True)
class FoundReplay:
    """The content of a replay file, and where it is from."""

    place: str
    content: bytes


def find_replay(what: str, chosen: str, logs: Path, client: GitHubClient, log: Log) -> FoundReplay:
    """The replay file that `what` means: an address of GitHub, a file, a target's id; `chosen` is an id of several.

    Raises InputError where there is none, or several.
    """
    if job := JOB_PAGE.fullmatch(what):
        return _of_job(job[1], job[2], job[3], chosen, client, log)
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
            return FoundReplay(place=str(path), content=_of_archive(path, chosen))
        with path.open("rb") as file:
            return FoundReplay(place=str(path), content=file.read(MOST_BYTES + 1))
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror}); give a replay file, a target's id, or the address of a run",
            id="file-not-usable",
        ) from None


def _of_archive(path: Path, chosen: str) -> bytes:
    try:
        content = _member(path, chosen, str(path))
    except DAMAGED as error:
        raise InputError(
            f"{path} is no archive that can be unpacked ({error}); download it again, or give the replay file itself",
            id="file-not-usable",
        ) from None
    if content is None:
        raise InputError(f"{path} holds no replay file{f' of {chosen}' if chosen else ''}", id="replay-not-found")
    return content


def _member(path: Path, chosen: str, place: str) -> bytes | None:
    """The replay file in an artifact: that which `chosen` names, else the only one, or the only one that failed.

    None where there is none; raises InputError for several, and what a damaged archive raises.
    """
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.endswith(SUFFIX)]
        found = {name: _read(archive, name) for name in names if name.rpartition("/")[2].startswith(chosen)}
    if len(found) > 1:
        found = {name: content for name, content in found.items() if _tells_failure(content)} or found
    return _only_one({name.rpartition("/")[2].removesuffix(SUFFIX): one for name, one in found.items()}, place)


def _only_one(found: Mapping[str, bytes], place: str) -> bytes | None:
    """The one that there is; None for none, InputError that names several."""
    if len(found) > 1:
        raise InputError(
            f"{place} holds several replay files; name one with --id: {', '.join(sorted(found))}", id="replay-not-found"
        )
    return next(iter(found.values()), None)


def _read(archive: zipfile.ZipFile, name: str) -> bytes:
    with archive.open(name) as member:
        return member.read(MOST_BYTES + 1)


def _tells_failure(content: bytes) -> bool:
    try:
        return json.loads(content)["exit_code"] not in (None, 0, InterruptedBuildError.exit_code)
    except (ValueError, TypeError, KeyError):
        return False


def _of_job(repository: str, run: str, job: str, chosen: str, client: GitHubClient, log: Log) -> FoundReplay:
    found = _mapping(client.json("GET", f"/repos/{repository}/actions/jobs/{job}"))
    name = str(found.get("name", ""))
    if not JOB_NAME.fullmatch(name):
        raise InputError(
            f"job {job} of {repository} is called {name[:100]!r}, and is none that builds targets",
            id="replay-not-found",
        )
    return _of_jobs(repository, run, [{"id": job, "name": name}], chosen, client, log)


def _of_run(repository: str, run: str, chosen: str, client: GitHubClient, log: Log) -> FoundReplay:
    """That of the job that failed, or of the target that `chosen` names, which some job of its family built."""
    jobs = _entries(client, f"/repos/{repository}/actions/runs/{run}/jobs", "jobs")
    builds = [one for one in jobs if JOB_NAME.fullmatch(str(one.get("name", "")))]
    if chosen:
        wanted = [one for one in builds if _may_build(str(one["name"]), chosen)]
    else:
        wanted = [one for one in builds if one.get("conclusion") in ("failure", "timed_out")]
        wanted = builds if not wanted and len(builds) == 1 else wanted
    if not wanted or (len(wanted) > 1 and not chosen):
        names = ", ".join(sorted(str(one["name"]) for one in wanted or builds)) or "none"
        what = f"{len(wanted)} jobs failed in" if wanted else "no job that failed builds targets in"
        raise InputError(
            f"{what} run {run} of {repository}; name a target with --id, of one of these: {names}",
            id="replay-not-found",
        )
    return _of_jobs(repository, run, wanted, chosen, client, log)


def _may_build(job: str, chosen: str) -> bool:
    family = job_name(parse_id(chosen))
    return job == family or job.startswith(f"{family}-")


def _of_jobs(
    repository: str, run: str, jobs: Sequence[Mapping[str, Any]], chosen: str, client: GitHubClient, log: Log
) -> FoundReplay:
    """That in the artifact of one of the jobs, else in the log of one, which outlives it."""
    artifacts = {
        str(one.get("name")): one
        for one in _entries(client, f"/repos/{repository}/actions/runs/{run}/artifacts", "artifacts")
        if not one.get("expired")
    }
    for name in (f"{prefix}{job['name']}" for prefix in (ARTIFACT, "") for job in jobs):
        if name in artifacts:
            path = f"/repos/{repository}/actions/artifacts/{artifacts[name]['id']}/zip"
            try:
                content = _download(client, path, chosen)
            except (PublishError, *DAMAGED) as error:
                log(f"the artifact {name} is passed over: {error}")
                continue
            if content is not None:
                return FoundReplay(place=f"artifact {name} of run {run} of {repository}", content=content)
    log(f"run {run} has no artifact of {chosen or jobs[0]['name']} any more; its log is read")
    for job in jobs:
        try:
            found = _in_log(client, repository, str(job["id"]), chosen)
        except PublishError as error:
            log(f"the log of job {job['id']} is passed over: {error}")
            continue
        if found:
            return FoundReplay(place=f"log of job {job['id']} of {repository}", content=found)
    numbers = ", ".join(str(job["id"]) for job in jobs)
    raise InputError(
        f"neither an artifact nor the log of job {numbers} of {repository} holds a replay file; "
        f"'invoke build --id {chosen or 'ID'}' builds a target with what there is now",
        id="replay-not-found",
    )


def _download(client: GitHubClient, path: str, chosen: str) -> bytes | None:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        file = Path(folder) / "artifact.zip"
        _save(client, path, file, MOST_ARTIFACT)
        return _member(file, chosen, "the artifact")


def _in_log(client: GitHubClient, repository: str, job: str, chosen: str) -> bytes | None:
    """The replay file of a target that failed, which its job has printed; None for none."""
    found: dict[str, bytes] = {}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        file = Path(folder) / "job.log"
        _save(client, f"/repos/{repository}/actions/jobs/{job}/logs", file, MOST_LOG)
        with file.open("rb") as lines:
            for line in lines:
                start = line.find(b'{"schema"')
                target = PRINTED.search(line, start) if start >= 0 else None
                if target and chosen in ("", target[1].decode()):
                    found[target[1].decode()] = line[start:].strip()
    return _only_one(found, f"the log of job {job}")


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
