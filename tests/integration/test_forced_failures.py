"""A failure of each kind that can be forced here names itself everywhere, and is repeated from its replay file."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from bench.faults.small_build import Workshop, make_workshop
from scripts.wheel_build.replay import SUFFIX, Replay, read_replay
from tests.integration.forced_failures import FAILURES, Place, scene_of

pytestmark = [
    pytest.mark.real_build,
    pytest.mark.skipif(
        sys.platform != "linux" or not shutil.which("g++"), reason="the small DeepSpeed is compiled by a Linux host"
    ),
]
AT_EACH_CHANGE = ("missing header", "wrong toolkit")  # the others differ in what fails, not in what is told of it
NAMES = [name if name in AT_EACH_CHANGE else pytest.param(name, marks=pytest.mark.nightly) for name in FAILURES]


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    return make_workshop(tmp_path_factory.mktemp("workshop"))


def replay_in(folder: Path) -> Replay:
    (file,) = folder.glob(f"*{SUFFIX}")
    return read_replay(file.read_bytes(), file.name)


def summary_of(place: Place) -> str:
    """What the job's page shows."""
    file = place.folder / "summary.md"
    place.invoke(
        "report",
        variables={"GITHUB_ACTIONS": "true", "GITHUB_REPOSITORY": "a/b", "GITHUB_STEP_SUMMARY": str(file)},
    )
    return file.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_a_forced_failure_names_itself_and_is_repeated_from_its_file(
    name: str, workshop: Workshop, tmp_path: Path
) -> None:
    _, cause, step = FAILURES[name]
    with scene_of(name, workshop, tmp_path / "scene") as scene:
        source = scene.source or workshop.source
        made = Workshop(folder=tmp_path / "made", python=workshop.python, source=source).clone("clone")
        with scene.begin(made, tmp_path / "there", workshop) as there:
            ran = there.invoke("build", "--json", *scene.words)
            assert ran.exit_code not in (0, 1), ran.said
            assert f"diagnosis: {cause} (" in ran.said, ran.said
            assert f"diagnosis: {cause} (" in summary_of(there)
            recorded = replay_in(there.output / "logs")
        assert recorded.error
        assert recorded.diagnosis
        assert recorded.diagnosis.cause == cause
        assert not step or recorded.error.step == step
        with scene.begin(made, tmp_path / "here", workshop) as here:
            file = next((there.output / "logs").glob(f"*{SUFFIX}"))
            repeated = here.invoke("reproduce", str(file), "--json")
        assert repeated.result is not None, repeated.said
        assert (repeated.exit_code, repeated.result["same"]) == (0, True), (repeated.result, repeated.said)
        assert repeated.result["here"]["diagnosis"]["cause"] == cause
