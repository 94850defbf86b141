"""Runs build.yml, request.yml and watch.yml with act on this machine: real jobs, steps and tasks; stand-in actions.

What GitHub would do outside of the workflow's own lines is in `standins/`: caches and artifacts are folders, releases
are those of the stand-in for GitHub on loopback. Nothing leaves this machine.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from scripts.facts.source_files import LISTING, LISTING_VARIABLE
from scripts.files import write_whole
from tests.ci.workflows import FILES, FOLDER, ROOT, load, program, steps
from tests.github.standin import REPOSITORY, TOKEN, StandIn
from tests.verify.small_source import small_listing

STANDINS = Path(__file__).parent / "standins"
LEFT_BEHIND = shutil.ignore_patterns(
    ".git", ".nox", "__pycache__", ".*_cache", "wheels", "logs", "site", ".hypothesis", ".venv"
)
AUTHOR = ("-c", "user.name=rehearsal", "-c", "user.email=nobody@example.org")
TRIES = 2  # act hangs after its last step once in a while, when nothing is left to do


@dataclass(frozen=True, kw_only=True)
class Rehearsal:
    """One repository in which build.yml runs, again and again."""

    folder: Path
    standin: StandIn
    site: str  # the address where what is deployed is served
    fates: Mapping[str, str] = field(default_factory=dict)  # DeepSpeed -> "failed" or "stopped"; the others are built
    seconds: int = 900
    variables: Mapping[str, str] = field(default_factory=dict)  # of every step, beside those of any rehearsal

    @property
    def state(self) -> Path:
        """Where the stand-ins keep things."""
        return self.folder / "state"

    @property
    def checkout(self) -> Path:
        """The repository."""
        return self.folder / "checkout"

    def prepare(self, *, real: bool = False) -> Rehearsal:
        """Copy this checkout into a repository of its own, and each action into another; `real` builds for real."""
        shutil.copytree(ROOT, self.checkout, ignore=LEFT_BEHIND)
        if not real:
            shutil.copyfile(STANDINS / "noxfile.py", self.checkout / "noxfile.py")
            write_whole(self.checkout / "scripts" / "data" / LISTING.name, small_listing())
        build_on_this_machine(self.checkout)
        make_repository(self.checkout)
        git(self.checkout, "remote", "add", "origin", f"https://github.com/{REPOSITORY}.git")
        for folder in {action.partition("@")[0].split("/")[1] for action in actions()} - {"checkout"}:
            shutil.copytree(STANDINS / folder, self.folder / "actions" / folder)
            make_repository(self.folder / "actions" / folder)
        self.state.mkdir()
        (self.state / "fates.json").write_text(json.dumps(self.fates), encoding="utf-8")
        return self

    def run(self, **inputs: str) -> subprocess.CompletedProcess[str]:
        """What act says of one run of build.yml, started by hand with these inputs."""
        for name in ("artifacts", "pages"):  # a run has its own
            shutil.rmtree(self.state / name, ignore_errors=True)
        typed = [word for name, value in inputs.items() for word in ("--input", f"{name}={value}")]
        return self._run_patiently("workflow_dispatch", "build.yml", typed)

    def answer(self, event: Mapping[str, object]) -> subprocess.CompletedProcess[str]:
        """What act says of one run of request.yml, for an event about an issue."""
        file = self.folder / "event.json"
        file.write_text(json.dumps(event), encoding="utf-8")
        return self._run_patiently("issues", "request.yml", ["--eventpath", str(file)])

    def watch(self) -> subprocess.CompletedProcess[str]:
        """What act says of one weekly run of watch.yml."""
        shutil.rmtree(self.state / "artifacts", ignore_errors=True)
        return self._run_patiently("schedule", "watch.yml", [])

    def commit(self) -> None:
        """Put what was changed in the repository onto its branch."""
        git(self.checkout, *AUTHOR, "commit", "-qam", "Change it")

    def _run_patiently(self, event: str, workflow: str, words: list[str]) -> subprocess.CompletedProcess[str]:
        for _ in range(TRIES):
            try:
                return self._run_once(event, workflow, words)
            except subprocess.TimeoutExpired as hung:
                last = hung
        raise last

    def _run_once(self, event: str, workflow: str, words: list[str]) -> subprocess.CompletedProcess[str]:
        argv = [str(program("act")), event, "-W", f".github/workflows/{workflow}", *self._words(), *words]
        env = {**os.environ, "XDG_CACHE_HOME": str(self.folder / "act"), "NO_PROXY": "127.0.0.1"}
        env[LISTING_VARIABLE] = ""  # the copied checkout's own
        return subprocess.run(
            argv,
            cwd=self.checkout,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=self.seconds,
            check=False,
        )

    def _words(self) -> list[str]:
        env = {
            "GITHUB_API_URL": self.standin.address,
            "REHEARSAL_STATE": str(self.state),
            "NO_PROXY": "127.0.0.1",
            "REHEARSAL_PYTHON": sys.executable,
            "REHEARSAL_PERFORM": str(STANDINS / "perform.py"),
            **self.variables,
        }
        labels = set(re.findall(r"(?:ubuntu|windows)-[\w.]+", str(load("build.yml"))))
        return [
            *(word for label in {*labels, "ubuntu-22.04"} for word in ("-P", f"{label}=-self-hosted")),
            *(word for name, value in env.items() for word in ("--env", f"{name}={value}")),
            *(word for action in actions() for word in ("--local-repository", f"{action}={self._place(action)}")),
            "-s",
            f"GITHUB_TOKEN={TOKEN}",
            "--var",
            f"SITE={self.site}",
            "--artifact-server-addr",
            "127.0.0.1",
        ]

    def _place(self, action: str) -> Path:
        return self.folder / "actions" / action.partition("@")[0].split("/")[1]


def actions() -> list[str]:
    """Every action of the workflows that act does not bring with it, `owner/name@commit`."""
    used = {step["uses"] for file in FILES for _, step in steps(load(file.name)) if "uses" in step}
    named = {f"{'/'.join(name.split('/')[:2])}@{commit}" for name, _, commit in (use.partition("@") for use in used)}
    return sorted(name for name in named if not name.startswith("actions/checkout@"))


def build_on_this_machine(checkout: Path) -> None:
    """Have no job ask for a container: act runs none here."""
    runners = checkout / "scripts" / "data" / "runners.yaml"
    text = runners.read_text(encoding="utf-8")
    without = re.sub(r"^ +image: .*\n", "", text, flags=re.MULTILINE)
    assert without != text
    write_whole(runners, without)


def make_repository(folder: Path) -> None:
    """A git repository of one commit."""
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A", "-f")
    git(folder, *AUTHOR, "commit", "-qm", "All of it")


def git(folder: Path, *words: str) -> None:
    """Run git there."""
    subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True, text=True)


assert FOLDER.is_dir()
