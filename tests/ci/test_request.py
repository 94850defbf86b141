"""Who asks for a wheel is answered by the plan, once, and never with what they wrote."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scripts.ci.issue_comments import MARK
from scripts.ci.jobs import queue_of
from scripts.ci.request_answer import FIRST_LABEL
from scripts.ci.request_form import is_request, read_request
from scripts.commands import request_task
from scripts.commands.hosted_options import RequestOptions
from scripts.commands.project import open_project
from scripts.commands.request_task import request, requested_first
from scripts.errors import InputError
from tests.ci.requests import HOSTILE, REQUESTS, Asking, detected
from tests.github.fixtures import standin
from tests.github.hosted import HostedIssue
from tests.github.releases import publish_names
from tests.github.standin import REPOSITORY, TOKEN, StandIn
from tests.plan.factories import make_plan, make_target

__all__ = ["standin"]
PARTS = ("curl", "evil", "owned", "script>", "everyone", "set-output", "add-mask", "\u202e", "\x1b", "<", "{{")


@pytest.fixture
def workflow(standin: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """The workflow of a repository that has published three wheels, and whose site is not there yet."""
    publish_names(standin.repository)
    variables = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_REPOSITORY": REPOSITORY,
        "GITHUB_API_URL": standin.address,
        "GITHUB_TOKEN": TOKEN,
        "GITHUB_EVENT_PATH": str(tmp_path / "event.json"),
        "DEEPSPEED_WHEELS_SITE": f"{standin.objects}/1/",
        "DEEPSPEED_WHEELS_OUTPUT": str(tmp_path),
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(request_task, "known_builds", lambda site, say: {})
    monkeypatch.setattr(request_task, "read_site_if_there", lambda site: None)
    return standin


def ask(standin: StandIn, folder: Path, body: str, number: int = 7, **more: object) -> str:
    """What is said below an issue with this body."""
    standin.hosted.issues.setdefault(number, HostedIssue(number=number, body=body))
    (folder / "event.json").write_text(json.dumps({"issue": {"number": number, "body": body, **more}}))
    request(RequestOptions(comment=True))
    return "\n".join(text for _, text in standin.hosted.issues[number].comments.values())


@pytest.mark.parametrize("asking", REQUESTS, ids=lambda asking: f"{asking.kind}: {asking.told[:30]}")
def test_a_request_is_answered_from_the_plan(asking: Asking, workflow: StandIn, tmp_path: Path) -> None:
    said = ask(workflow, tmp_path, asking.body)
    assert said.startswith(f"{MARK}\n**{asking.kind.capitalize()}.** ")
    assert asking.told in said
    assert [part for part in PARTS if part in said.removeprefix(MARK)] == []


def test_each_outcome_is_asked_for_three_times_and_hostile_texts_are_among_all_of_them() -> None:
    kinds = [asking.kind for asking in REQUESTS]
    assert {kind: kinds.count(kind) for kind in kinds} == dict.fromkeys(kinds, 3)
    hostile = {asking.kind for asking in REQUESTS if any(text in asking.body for text in HOSTILE)}
    assert hostile == {*kinds}


def test_an_edited_request_changes_the_answer_and_adds_none(workflow: StandIn, tmp_path: Path) -> None:
    ask(workflow, tmp_path, REQUESTS[0].body)
    workflow.hosted.issues[7].comments[1] = ("stranger", f"{MARK}\nmine")
    said = ask(workflow, tmp_path, REQUESTS[3].body)
    assert said.count("**Planned.**") == 1
    assert "**Published.**" not in said
    assert f"{MARK}\nmine" in said, "what somebody else said is not ours to change"
    ask(workflow, tmp_path, REQUESTS[3].body)
    assert [one for one in workflow.requests if one.startswith(("POST", "PATCH"))] == [
        f"POST /repos/{REPOSITORY}/issues/7/comments",
        f"PATCH /repos/{REPOSITORY}/issues/comments/5001",
    ]


@pytest.mark.parametrize(
    ("asking", "told"),
    [
        (Asking(deepspeed="$(x)"), "deepspeed: what is given is none"),
        (Asking(deepspeed="0.19.8", torch="2.6"), "python: nothing is given"),
        (Asking(deepspeed="0.19.8", detected="{" * 5000), "torch: nothing is given"),
        (
            Asking(deepspeed="0.19.8", torch="2.6.0+cu124", cuda="12.1", python="3.11", platform="linux"),
            "torch is one for `cu124`, and CUDA says `cu121`",
        ),
        (
            Asking(deepspeed="0.19.8", torch="2.6.0+cu124", cuda="www.x.org", python="3.11", platform="linux"),
            "CUDA says `www.x.org`",
        ),
    ],
)
def test_a_form_that_leaves_something_open_is_asked_about(
    asking: Asking, told: str, workflow: StandIn, tmp_path: Path
) -> None:
    said = ask(workflow, tmp_path, asking.body)
    assert "**Not understood.**" in said
    assert told in said
    assert "$(x)" not in said


@pytest.mark.parametrize(
    "body", ["", "it does not work", "### DeepSpeed\n\n0.19.8", "### Target\n\nx\n\n### Error\n\ny\n"]
)
def test_an_issue_about_something_else_is_left_alone(body: str, workflow: StandIn, tmp_path: Path) -> None:
    assert not is_request(body)
    assert ask(workflow, tmp_path, body) == ""


def test_the_detection_line_says_what_the_fields_leave_out_and_no_more() -> None:
    form = Asking(deepspeed="0.19.8", python="3.12", detected=detected(torch="2.6.0+cu124", cuda='"12.4"'))
    found = read_request(form.body)
    assert (found.python, found.torch, found.cuda, found.platform) == ("3.12", "2.6.0", "cu124", "linux_x86_64")
    assert read_request(Asking(deepspeed="0.19.8", detected=detected(libc="musl")).body).platform == "musllinux_x86_64"


@pytest.mark.parametrize("event", ["{}", "[]", "no json", '{"issue": {"number": "x"}}', '{"issue": 5}'])
def test_an_event_without_an_issue_is_an_error(event: str, workflow: StandIn, tmp_path: Path) -> None:
    (tmp_path / "event.json").write_text(event)
    with pytest.raises(InputError, match=r"event\.json"):
        request(RequestOptions())


def test_a_pull_request_is_no_request(workflow: StandIn, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="about no issue"):
        ask(workflow, tmp_path, REQUESTS[0].body, pull_request={"url": "x"})


def test_what_a_maintainer_labelled_is_built_before_all_others(workflow: StandIn) -> None:
    wanted = [asking for asking in REQUESTS if asking.kind == "planned"]
    for number, asking in enumerate((*wanted, REQUESTS[6], REQUESTS[9]), 20):
        workflow.hosted.issues[number] = HostedIssue(number=number, body=asking.body, labels=(FIRST_LABEL, "wheel"))
    workflow.hosted.issues[30] = HostedIssue(number=30, body=REQUESTS[0].body)
    assert requested_first(open_project()) == (
        "ds0.19.8-torch2.6.0-cpu-cp311-linux_x86_64",
        "ds0.18.9-torch2.8.0-cu128-cp311-win_amd64",
        "ds0.17.6-torch2.7.1-cu126-cp312-linux_x86_64",
    )
    plan = make_plan([make_target(python="3.12"), make_target(python="3.13"), make_target(python="3.11")])
    queue = queue_of(plan, {}, first=(make_target(python="3.12").id, make_target(python="3.11").id))
    assert [target.python for target in queue] == ["3.12", "3.11", "3.13"]


def test_when_github_does_not_tell_who_comes_first_the_queue_is_as_ever(
    workflow: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_API_URL", f"{workflow.address}/nowhere")
    assert requested_first(open_project()) == ()
    monkeypatch.delenv("GITHUB_ACTIONS")
    assert requested_first(open_project()) == ()


def test_at_home_a_file_is_answered_and_nothing_is_said_anywhere(
    workflow: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("GITHUB_ACTIONS")
    monkeypatch.delenv("DEEPSPEED_WHEELS_SITE")
    form = tmp_path / "form.md"
    form.write_text(REQUESTS[6].body)
    request(RequestOptions(form=str(form), json=True))
    assert json.loads(capsys.readouterr().out)["kind"] == "possible"
    assert workflow.requests == []
    with pytest.raises(InputError, match="--comment is for a workflow"):
        request(RequestOptions(form=str(form), comment=True))
    form.write_text("something else")
    with pytest.raises(InputError, match="not the filled-in form"):
        request(RequestOptions(form=str(form)))
