"""`Actions`: the step of a GitHub workflow that this process is, by the variables that the service sets.

The files and commands that a step can write are GitHub's "workflow commands"; outside a workflow nothing is written.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from scripts.errors import InputError
from scripts.outgoing import printable, runner_order

ALLOW_SHRINK = "DEEPSPEED_WHEELS_ALLOW_SHRINK"  # what a user ticked in the form of the workflow
SITE = "DEEPSPEED_WHEELS_SITE"  # the address of the published site, where it is not the repository's own page


@dataclass(frozen=True, kw_only=True)
class Actions:
    """One step of a workflow run."""

    repository: str  # "owner/wheels"
    run_url: str  # the page of this run
    workflow: str  # "owner/wheels/.github/workflows/build.yml@refs/heads/main"
    outputs: Path | None  # where outputs of the step go
    summary: Path | None  # where its part of the job summary goes

    def set_outputs(self, values: Mapping[str, str]) -> None:
        """Hand values to later steps and jobs; each must be one line."""
        if self.outputs:
            assert all("\n" not in value for value in values.values()), "an output of several lines needs a delimiter"
            _append(self.outputs, "".join(f"{name}={value}\n" for name, value in values.items()))

    def show_folded(self, title: str, lines: Iterable[str]) -> None:
        """Lines on standard error that the job's log shows folded, below a title."""
        self.annotate([f"::group::{title}"])
        sys.stderr.writelines(f"{printable(line)}\n" for line in lines)
        self.annotate(["::endgroup::"])

    def annotate(self, annotations: Iterable[str]) -> None:
        """Have GitHub show each annotation on the run's page."""
        for line in annotations:
            sys.stderr.write(f"{runner_order(line)}\n")
        sys.stderr.flush()

    def add_summary(self, markdown: str) -> None:
        """Add to the summary that GitHub shows on the run's page."""
        if self.summary:
            _append(self.summary, printable(markdown))


def this_step(env: Mapping[str, str] | None = None) -> Actions | None:
    """The step that this process belongs to; None outside of GitHub Actions."""
    env = os.environ if env is None else env
    if env.get("GITHUB_ACTIONS") != "true":
        return None
    repository = env.get("GITHUB_REPOSITORY", "")
    server, run = env.get("GITHUB_SERVER_URL", "https://github.com"), env.get("GITHUB_RUN_ID", "")
    return Actions(
        repository=repository,
        run_url=f"{server}/{repository}/actions/runs/{run}",
        workflow=env.get("GITHUB_WORKFLOW_REF", ""),
        outputs=_file(env, "GITHUB_OUTPUT"),
        summary=_file(env, "GITHUB_STEP_SUMMARY"),
    )


def site_address(env: Mapping[str, str] | None = None) -> str:
    """The address of the published site, with / at its end: the variable's value, else the repository's own page.

    Empty outside of GitHub Actions when the variable is not set.
    """
    env = os.environ if env is None else env
    named, step = env.get(SITE, ""), this_step(env)
    if named or not step:
        return named and named.rstrip("/") + "/"
    return pages_address(step.repository)


def shrink_is_allowed(env: Mapping[str, str] | None = None) -> bool:
    """Whether the variable allows an index to offer less than before; raises InputError for another value."""
    word = (os.environ if env is None else env).get(ALLOW_SHRINK, "")
    if word not in ("", "true", "false"):
        raise InputError(f"{ALLOW_SHRINK}={word!r}: give true or false", id="value-not-accepted")
    return word == "true"


def pages_address(repository: str) -> str:
    """Where GitHub serves the pages of `OWNER/REPO`, with / at its end."""
    owner, _, name = repository.lower().partition("/")
    return f"https://{owner}.github.io/" + ("" if name == f"{owner}.github.io" else f"{name}/")


def annotation(kind: str, title: str, message: str) -> str:
    """The line that makes GitHub show a message on the run's page; `kind` is `error`, `warning` or `notice`."""
    title = _escaped(title).replace(":", "%3A").replace(",", "%2C")
    return f"::{kind} title={title}::{_escaped(message)}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _file(env: Mapping[str, str], name: str) -> Path | None:
    return Path(env[name]) if env.get(name) else None


def _append(file: Path, text: str) -> None:
    with file.open("a", encoding="utf-8", newline="\n") as end:
        end.write(text)
