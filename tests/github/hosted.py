"""Jobs, artifacts and issues of a repository as GitHub keeps them, in the shapes of its description."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from tests.github.repository import DOCUMENTATION, NOT_FOUND, TIME, Answer, Json, invalid

ACCEPTED = {
    "since": re.compile(r"\d{4}-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-5]\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.I),
    "sort": re.compile("created|updated|comments"),
    "direction": re.compile("asc|desc"),
    "state": re.compile("open|closed|all"),
    "per_page": re.compile(r"-?\d+"),
    "page": re.compile(r"-?\d+"),
}
REFUSED: Answer = (
    403,
    {"message": "Resource not accessible by integration", "documentation_url": DOCUMENTATION, "status": "403"},
)


@dataclass(frozen=True, kw_only=True)
class HostedJob:
    """A job of a run."""

    id: int
    run: int
    name: str
    conclusion: str
    log: bytes = b""


@dataclass(frozen=True, kw_only=True)
class HostedArtifact:
    """An artifact of a run."""

    id: int
    run: int
    name: str
    content: bytes
    expired: bool = False


@dataclass
class HostedIssue:
    """An issue, with what was said below it: by number of the comment, who and what."""

    number: int
    body: str
    labels: tuple[str, ...] = ()
    pull_request: bool = False
    comments: dict[int, tuple[str, str]] = field(default_factory=dict)


@dataclass
class Hosted:
    """What a repository has beside its releases."""

    name: str
    jobs: list[HostedJob] = field(default_factory=list)
    artifacts: list[HostedArtifact] = field(default_factory=list)
    issues: dict[int, HostedIssue] = field(default_factory=dict)
    contents: dict[str, bytes] = field(default_factory=dict)  # by name, of the host that has the contents
    lock: threading.RLock = field(default_factory=threading.RLock)
    last: int = 5000

    def jobs_of(self, run: int, base: str) -> Json:
        """The answer about the jobs of a run."""
        found = [self.job_document(one, base) for one in self.jobs if one.run == run]
        return {"total_count": len(found), "jobs": found}

    def job(self, number: int) -> HostedJob | None:
        return next((one for one in self.jobs if one.id == number), None)

    def job_document(self, job: HostedJob, base: str) -> Json:
        address = f"{base}/repos/{self.name}/actions"
        return {
            "id": job.id,
            "node_id": f"J{job.id}",
            "run_id": job.run,
            "run_url": f"{address}/runs/{job.run}",
            "head_sha": "0" * 40,
            "workflow_name": "build",
            "head_branch": "main",
            "name": job.name,
            "url": f"{address}/jobs/{job.id}",
            "html_url": f"https://github.com/{self.name}/actions/runs/{job.run}/job/{job.id}",
            "status": "completed",
            "conclusion": job.conclusion,
            "started_at": TIME,
            "completed_at": TIME,
            "created_at": TIME,
            "check_run_url": f"{base}/repos/{self.name}/check-runs/{job.id}",
            "labels": ["ubuntu-22.04"],
            "runner_id": 1,
            "runner_name": "GitHub Actions 1",
            "runner_group_id": 0,
            "runner_group_name": "GitHub Actions",
        }

    def artifacts_of(self, run: int, base: str) -> Json:
        """The answer about the artifacts of a run."""
        found = [self.artifact_document(one, base) for one in self.artifacts if one.run == run]
        return {"total_count": len(found), "artifacts": found}

    def artifact_document(self, artifact: HostedArtifact, base: str) -> Json:
        address = f"{base}/repos/{self.name}/actions/artifacts/{artifact.id}"
        return {
            "id": artifact.id,
            "node_id": f"A{artifact.id}",
            "name": artifact.name,
            "size_in_bytes": len(artifact.content),
            "url": address,
            "archive_download_url": f"{address}/zip",
            "expired": artifact.expired,
            "created_at": TIME,
            "expires_at": TIME,
            "updated_at": TIME,
        }

    def download(self, number: int, objects: str) -> Answer:
        """Where an artifact's archive is."""
        found = next((one for one in self.artifacts if one.id == number), None)
        if found is None:
            return NOT_FOUND
        if found.expired:
            return 410, {"message": "Artifact has expired", "documentation_url": DOCUMENTATION, "status": "410"}
        return self._at(f"artifact-{number}", found.content, objects)

    def log_of(self, number: int, objects: str) -> Answer:
        """Where a job's log is."""
        found = self.job(number)
        return self._at(f"log-{number}", found.log, objects) if found and found.log else NOT_FOUND

    def _at(self, name: str, content: bytes, objects: str) -> Answer:
        self.contents[name] = content
        return 302, f"{objects}/{name}"

    def answer_issues(self, argument: Callable[[str], str | None], base: str) -> Answer:
        """The answer to who asks for issues with these arguments; what is not among a list's values is refused."""
        for name, accepted in ACCEPTED.items():
            value = argument(name)
            if value is not None and not accepted.fullmatch(value):
                return invalid("Issue", "invalid", name)
        return 200, self.issues_with(argument("labels") or "", base)

    def issues_with(self, labels: str, base: str) -> list[Json]:
        """The open issues that have all of the labels."""
        wanted = {label for label in labels.split(",") if label}
        with self.lock:
            return [self.issue_document(one, base) for one in self.issues.values() if wanted <= {*one.labels}]

    def issue_document(self, issue: HostedIssue, base: str) -> Json:
        address = f"{base}/repos/{self.name}/issues/{issue.number}"
        more = {"pull_request": {"url": address, "html_url": None, "diff_url": None, "patch_url": None}}
        return {
            "id": issue.number,
            "node_id": f"I{issue.number}",
            "number": issue.number,
            "title": "Wheel: ",
            "body": issue.body,
            "state": "open",
            "locked": False,
            "labels": list(issue.labels),
            "user": user("stranger", base),
            "assignee": None,
            "milestone": None,
            "comments": len(issue.comments),
            "created_at": TIME,
            "updated_at": TIME,
            "closed_at": None,
            "url": address,
            "repository_url": f"{base}/repos/{self.name}",
            "labels_url": f"{address}/labels{{/name}}",
            "comments_url": f"{address}/comments",
            "events_url": f"{address}/events",
            "html_url": f"https://github.com/{self.name}/issues/{issue.number}",
            **(more if issue.pull_request else {}),
        }

    def comments(self, number: int, base: str) -> Answer:
        issue = self.issues.get(number)
        if issue is None:
            return NOT_FOUND
        return 200, [self._comment(issue, one, base) for one in issue.comments]

    def say(self, number: int, body: Mapping[str, Any], base: str) -> Answer:
        """A new comment of the workflow."""
        issue = self.issues.get(number)
        if issue is None:
            return NOT_FOUND
        if not body.get("body"):
            return invalid("IssueComment", "missing_field", "body")
        with self.lock:
            self.last += 1
            issue.comments[self.last] = ("github-actions[bot]", str(body["body"]))
        return 201, self._comment(issue, self.last, base)

    def change(self, comment: int, body: Mapping[str, Any], base: str) -> Answer:
        """Another text for a comment of the workflow's own."""
        for issue in self.issues.values():
            if comment in issue.comments:
                if issue.comments[comment][0] != "github-actions[bot]":
                    return REFUSED
                issue.comments[comment] = ("github-actions[bot]", str(body["body"]))
                return 200, self._comment(issue, comment, base)
        return NOT_FOUND

    def _comment(self, issue: HostedIssue, number: int, base: str) -> Json:
        login, body = issue.comments[number]
        address = f"{base}/repos/{self.name}/issues"
        return {
            "id": number,
            "node_id": f"C{number}",
            "body": body,
            "user": user(login, base),
            "url": f"{address}/comments/{number}",
            "issue_url": f"{address}/{issue.number}",
            "html_url": f"https://github.com/{self.name}/issues/{issue.number}#issuecomment-{number}",
            "created_at": TIME,
            "updated_at": TIME,
            "author_association": "NONE",
        }


def user(login: str, base: str) -> Json:
    """Somebody."""
    address = f"{base}/users/{quote(login)}"
    parts = ("events", "followers", "following", "gists", "organizations", "received_events", "repos", "starred")
    return {
        "login": login,
        "id": 1,
        "node_id": "U1",
        "type": "Bot" if login.endswith("[bot]") else "User",
        "site_admin": False,
        "avatar_url": f"{address}.png",
        "gravatar_id": "",
        "url": address,
        "html_url": f"https://github.com/{quote(login)}",
        "subscriptions_url": f"{address}/subscriptions",
        **{f"{part}_url": f"{address}/{part}" for part in parts},
    }
