"""`invoke request`: what the plan says to somebody who asks for a wheel, and who is built first."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict, replace
from pathlib import Path

from scripts.ci.actions import pages_address, site_address, this_step
from scripts.ci.issue_comments import Issue, issue_of_event, labelled, put_comment
from scripts.ci.jobs import queue_of
from scripts.ci.request_answer import FIRST_LABEL, Known, RequestAnswer, answer
from scripts.ci.request_form import is_request, read_request
from scripts.ci.results import known_builds
from scripts.commands.answer import log_line, print_document, print_lines
from scripts.commands.hosted_options import RequestOptions
from scripts.commands.project import Project, open_project
from scripts.errors import InputError, PublishError, WheelsError
from scripts.index.published_site import read_site_if_there
from scripts.publish.github_client import READING, GitHubClient, Patience
from scripts.publish.publisher import missing_of, published_wheels
from scripts.publish.store_address import github_api, github_token, open_store
from scripts.wheel.published import Published


def request(options: RequestOptions) -> None:
    """Answer the request for a wheel in a file, or in the issue of the event that this workflow runs for."""
    issue = _issue(options.form)
    if not is_request(issue.body):
        if options.form:
            raise InputError(f"{options.form} is not the filled-in form for a wheel", id="file-not-usable")
        log_line(f"issue {issue.number} is no request for a wheel; nothing is said")
        return
    found = answer(read_request(issue.body), _known(open_project(), options.store))
    done = _comment(issue, found) if options.comment else ""
    if options.json:
        print_document({**asdict(found), "comment": done or None})
    else:
        print_lines([*found.markdown.splitlines(), *([f"comment {done}"] if done else [])])


def requested_first(project: Project) -> tuple[str, ...]:
    """The ids of targets whose requests a maintainer labelled, in the order of their issues; none where nobody tells.

    They decide an order, so GitHub's silence keeps nothing back.
    """
    step = this_step()
    if not step or not step.repository:
        return ()
    client = GitHubClient(github_api(), github_token(), replace(READING, attempts=3), log_line)
    try:
        issues = sorted(labelled(client, step.repository, FIRST_LABEL), key=lambda issue: issue.number)
    except (PublishError, ValueError) as error:
        log_line(f"which wheels come first is not known: {error}")
        return ()
    if not issues:
        return ()
    known = _bare(project)
    answers = (answer(read_request(issue.body), known) for issue in issues if is_request(issue.body))
    return tuple(dict.fromkeys(one.target for one in answers if one.kind == "planned"))


def _issue(form: str) -> Issue:
    """The issue with what was filled in."""
    if form == "-":
        return Issue(number=0, body=sys.stdin.read())
    if form:
        try:
            return Issue(number=0, body=Path(form).read_text(encoding="utf-8", errors="replace"))
        except OSError as error:
            raise InputError(f"{form} cannot be read: {error.strerror}", id="file-not-usable") from None
    event = os.environ.get("GITHUB_EVENT_PATH")
    if not this_step() or not event:
        raise InputError(
            "give the file with the filled-in form; only in GitHub Actions is there an issue", id="file-not-usable"
        )
    return issue_of_event(Path(event))


def _comment(issue: Issue, found: RequestAnswer) -> str:
    step = this_step()
    if not step or not issue.number:
        raise InputError("--comment is for a workflow that runs for an issue; omit it", id="options-conflict")
    client = GitHubClient(github_api(), github_token(), Patience(longest=120.0), log_line)
    return put_comment(client, step.repository, issue.number, found.markdown)


def _known(project: Project, store: str) -> Known:
    """What the store, the site and the last runs tell."""
    step, site = this_step(), site_address()
    names = published_wheels(open_store(store, log=log_line)) if store or step else frozenset()
    offered = _site(site)
    rows = offered.wheels if offered else ()
    withdrawn = {record.target.wheel_name: record.yanked for record in rows if record.yanked}
    missing = missing_of(project.plan, names)
    builds = known_builds(site, log_line)
    queue = queue_of(missing, builds, requested_first(project))
    url = site or pages_address(step.repository if step else store.partition(":")[2] or "OWNER/REPO")
    return Known(
        matrix=project.matrix,
        facts=project.facts,
        plan=project.plan,
        published=names,
        withdrawn=withdrawn,
        queue=[target.id for target in queue],
        site=Published(wheels=(), url=url, torch_index=project.matrix.torch_index),
    )


def _bare(project: Project) -> Known:
    """What the plan alone tells: enough to say which target is meant."""
    return Known(
        matrix=project.matrix,
        facts=project.facts,
        plan=project.plan,
        published=frozenset(),
        withdrawn={},
        queue=[row.target.id for row in project.plan.targets],
        site=Published(wheels=(), url="", torch_index=project.matrix.torch_index),
    )


def _site(site: str) -> Published | None:
    try:
        return read_site_if_there(site) if site else None
    except WheelsError as error:
        log_line(f"which wheels were withdrawn is not known: {error}")
        return None
