"""The issues in which wheels are asked for: the comment that answers each, and those that a maintainer put first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from scripts.errors import InputError
from scripts.publish.github_client import GitHubClient
from scripts.schema.json_document import parse_json
from scripts.schema.readers import Problems

MARK = "<!-- answer to a request for a wheel -->"  # begins our comment, so that it is changed and not repeated
MOST_EVENT = 8_000_000
MOST_FIRST = 1000  # so many wheels that come first are no order


@dataclass(frozen=True, kw_only=True)
class Issue:
    """An issue, as far as a request needs it."""

    number: int
    body: str


def issue_of_event(file: Path) -> Issue:
    """The issue of the event that a workflow runs for; raises InputError for another event."""
    problems = Problems()
    try:
        content = file.read_bytes()[:MOST_EVENT]
    except OSError as error:
        raise InputError(f"{file}: the event cannot be read: {error.strerror}", id="file-not-usable") from None
    document = parse_json(content, file.name, problems)
    issue = issue_of(document.get("issue")) if isinstance(document, dict) else None
    if issue is None:
        raise InputError(f"{file}: the event is about no issue; run this for issues only", id="file-not-usable")
    return issue


def issue_of(document: object) -> Issue | None:
    """An issue of a document of GitHub's; None for a pull request, and for anything else."""
    if not isinstance(document, dict) or document.get("pull_request"):
        return None
    number, body = str(document.get("number", "")), document.get("body") or ""
    if not number.isdecimal() or not isinstance(body, str):
        return None
    return Issue(number=int(number), body=body)


def put_comment(client: GitHubClient, repository: str, number: int, text: str) -> str:
    """Say it below the issue, in place of what was said before; `added`, `changed`, or `kept` when it is the same."""
    comments = f"/repos/{repository}/issues/{number}/comments"
    body = f"{MARK}\n{text}"
    for comment in client.pages(comments):
        if _is_ours(comment):
            if comment["body"] == body:
                return "kept"
            client.json("PATCH", f"/repos/{repository}/issues/comments/{int(comment['id'])}", {"body": body})
            return "changed"
    client.json("POST", comments, {"body": body})
    return "added"


def labelled(client: GitHubClient, repository: str, label: str) -> Iterator[Issue]:
    """The open issues that have the label; only who may triage can give one."""
    found = islice(client.pages(f"/repos/{repository}/issues", labels=label, state="open"), MOST_FIRST)
    yield from (issue for one in found if (issue := issue_of(one)))


def _is_ours(comment: Mapping[str, Any]) -> bool:
    """Whether the workflow said it: others may copy the mark."""
    user = comment.get("user") or {}
    return str(comment.get("body") or "").startswith(MARK) and user.get("type") == "Bot"
