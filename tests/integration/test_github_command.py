"""GitHub's own command line program finds the stand-in believable, and what we publish as it should be."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scripts.publish.store import SUMS
from tests.github.fixtures import standin
from tests.github.rehearsal import publish_once
from tests.github.standin import REPOSITORY, TOKEN, StandIn, serving_locally
from tests.wheel.wheelhouse import expected_files, fill_wheelhouse, targets

__all__ = ["standin"]  # a fixture
pytestmark = pytest.mark.skipif(shutil.which("gh") is None, reason="gh is not installed (apt-get install gh)")

Gh = Callable[..., str]


@pytest.fixture
def gh(standin: StandIn, tmp_path: Path) -> Iterator[Gh]:
    """Runs gh, all of whose traffic goes to the stand-in through a socket; what it prints."""
    socket = str(tmp_path / "s")
    told = {"GH_CONFIG_DIR": str(tmp_path / "gh"), "GH_TOKEN": TOKEN, "GH_PROMPT_DISABLED": "1", "NO_COLOR": "1"}

    def run(*words: str) -> str:
        argv = ["gh", *words]
        ran = subprocess.run(
            argv, cwd=tmp_path, env={**os.environ, **told}, capture_output=True, text=True, timeout=60, check=False
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    with serving_locally(standin, socket):
        run("config", "set", "http_unix_socket", socket)
        yield run


def test_gh_creates_lists_uploads_and_reads(standin: StandIn, gh: Gh, tmp_path: Path) -> None:
    (tmp_path / "a+b.txt").write_bytes(b"hello")
    gh("release", "create", "v1.0", "-R", REPOSITORY, "--title", "one", "--notes", "text", "a+b.txt")
    assert gh("release", "list", "-R", REPOSITORY).split() == ["one", "v1.0", "2025-11-21T07:00:00Z"]
    (tmp_path / "c.txt").write_bytes(b"more")
    gh("release", "upload", "v1.0", "-R", REPOSITORY, "c.txt")
    gh("release", "download", "v1.0", "-R", REPOSITORY, "-D", "out")
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == {
        "a+b.txt": b"hello",
        "c.txt": b"more",
    }


def test_gh_reads_what_we_published(standin: StandIn, gh: Gh, tmp_path: Path) -> None:
    candidates = fill_wheelhouse(tmp_path / "wheels", targets(12))
    publish_once(standin, candidates)
    tags = gh("api", "--paginate", f"repos/{REPOSITORY}/releases", "--jq", ".[].tag_name")
    assert tags.split() == ["v0.19.8"]
    number = next(iter(standin.repository.releases))
    told = gh(
        "api",
        "--paginate",
        f"repos/{REPOSITORY}/releases/{number}/assets?per_page=10",
        "--jq",
        r'.[] | "\(.digest) \(.name)"',
    )
    digests = {name: digest.removeprefix("sha256:") for digest, name in (line.split() for line in told.splitlines())}
    assert digests.pop(SUMS)
    assert digests == expected_files(candidates)


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="sha256sum is not here")
def test_what_a_person_downloads_agrees_with_the_sums(standin: StandIn, gh: Gh, tmp_path: Path) -> None:
    publish_once(standin, fill_wheelhouse(tmp_path / "wheels", targets(2)))
    gh("release", "download", "v0.19.8", "-R", REPOSITORY, "-D", "out")
    argv = ["sha256sum", "--check", "--strict", SUMS]
    ran = subprocess.run(argv, cwd=tmp_path / "out", capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout.count(": OK")) == (0, 6)
