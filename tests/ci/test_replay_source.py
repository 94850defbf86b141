"""A replay file is found in a run, a job, a file or the logs, or it is said why not."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest

from scripts.ci.replay_source import FoundReplay, find_replay
from scripts.errors import InputError, PublishError
from tests.github.fixtures import quick_client, standin
from tests.github.hosted import HostedArtifact, HostedJob
from tests.github.standin import REPOSITORY, StandIn

__all__ = ["standin"]
ONE, OTHER = (f"ds0.19.8-torch2.13.0-cpu-cp{python}-linux_x86_64" for python in ("311", "312"))
JOB, SECOND = "torch2.13.0-cpu-linux_x86_64", "torch2.13.0-cpu-linux_x86_64-2"
RUN = f"https://github.com/{REPOSITORY}/actions/runs/7"
CONTENT = json.dumps({"schema": 1, "target": ONE, "exit_code": 17}).encode()
THIRD = ONE.replace("0.19.8", "0.19.7")
SOUND = json.dumps({"schema": 1, "target": OTHER, "exit_code": 0}).encode()


def archive(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as found:
        for name, content in members.items():
            found.writestr(name, content)
    return buffer.getvalue()


def job(number: int, name: str, conclusion: str = "failure", log: bytes = b"") -> HostedJob:
    return HostedJob(id=number, run=7, name=name, conclusion=conclusion, log=log)


def artifact(number: int, name: str, content: bytes, *, expired: bool = False) -> HostedArtifact:
    return HostedArtifact(id=number, run=7, name=name, content=content, expired=expired)


def find(standin: StandIn, what: str, chosen: str = "", logs: Path = Path("nowhere")) -> FoundReplay:
    return find_replay(what, chosen, logs, quick_client(standin), lambda line: None)


@pytest.fixture
def run(standin: StandIn) -> StandIn:
    """A run with a job of which one target failed and another did not, beside one of others, and two of none."""
    standin.hosted.jobs += [job(1, "plan", "success"), job(2, JOB), job(3, SECOND, "success"), job(4, "publish")]
    both = {f"{ONE}.replay.json": CONTENT, f"{OTHER}.replay.json": SOUND}
    standin.hosted.artifacts += [
        artifact(11, f"replay-{JOB}", archive(**both)),
        artifact(12, SECOND, archive(**{f"logs/{THIRD}.replay.json": b"{}", "wheels/a.whl": b"w"})),
    ]
    return standin


@pytest.mark.parametrize("address", [RUN, f"{RUN}/", f"{RUN}/attempts/2", f"{RUN}/job/2", f"{RUN}/job/2?pr=1#step:3:1"])
def test_the_one_that_failed_is_found_by_the_run_or_its_job(run: StandIn, address: str) -> None:
    found = find(run, address)
    assert found.content == CONTENT
    assert found.place == f"artifact replay-{JOB} of run 7 of {REPOSITORY}"


def test_one_that_did_not_fail_is_found_by_its_name_in_whichever_job_of_its_family(run: StandIn) -> None:
    assert find(run, f"{RUN}/job/2", OTHER).content == SOUND
    assert find(run, RUN, OTHER).content == SOUND
    assert find(run, f"{RUN}/job/3").content == b"{}"
    assert find(run, RUN, THIRD).content == b"{}"


def test_of_a_job_in_which_several_failed_one_must_be_named(run: StandIn) -> None:
    both = {f"{name}.replay.json": CONTENT for name in (ONE, THIRD)}
    run.hosted.artifacts[0] = artifact(11, f"replay-{JOB}", archive(**both))
    with pytest.raises(InputError, match=f"holds several replay files; name one with --id: {THIRD}, {ONE}"):
        find(run, RUN)
    assert find(run, RUN, THIRD).content == CONTENT


def test_a_long_run_is_read_to_its_end(run: StandIn) -> None:
    run.hosted.jobs[:] = [*(job(number, f"other {number}", "success") for number in range(100, 340)), *run.hosted.jobs]
    run.hosted.artifacts[:] = [
        *(artifact(number, f"other-{number}", b"") for number in range(100, 340)),
        *run.hosted.artifacts,
    ]
    assert find(run, RUN).content == CONTENT


def test_several_that_failed_are_named(run: StandIn) -> None:
    run.hosted.jobs.append(job(5, JOB.replace("cpu", "cu130")))
    with pytest.raises(InputError, match=r"2 jobs failed in run 7.*name a target with --id") as caught:
        find(run, RUN)
    assert JOB in str(caught.value)


def spoiled(how: str) -> bytes:
    """An archive of a replay file that cannot be unpacked."""
    found = bytearray(archive(**{f"{ONE}.replay.json": CONTENT}))
    entry = found.rfind(b"PK\x01\x02")
    offsets = {"encrypted": (6, 8), "packed otherwise": (8, 10), "of a later version": (4, 6)}.get(how)
    if offsets:
        found[offsets[0]] |= 0x63
        found[entry + offsets[1]] |= 0x63
    elif how == "cut":
        del found[60:90]
    else:
        found[found.find(CONTENT) + 3] ^= 0xFF
    return bytes(found)


@pytest.mark.parametrize("how", ["encrypted", "packed otherwise", "of a later version", "cut", "flipped"])
def test_an_archive_that_cannot_be_unpacked_is_told_and_the_log_is_read(how: str, run: StandIn, tmp_path: Path) -> None:
    file = tmp_path / "artifact.zip"
    file.write_bytes(spoiled(how))
    with pytest.raises(InputError, match=r"no archive that can be unpacked .* download it again"):
        find(run, str(file))
    run.hosted.artifacts[:] = [artifact(11, f"replay-{JOB}", spoiled(how))]
    run.hosted.jobs[1] = job(2, JOB, log=CONTENT + b"\n")
    assert find(run, RUN).place == f"log of job 2 of {REPOSITORY}"


@pytest.mark.parametrize("gone", ["expired", "absent", "damaged"])
def test_the_log_has_it_where_no_artifact_does(run: StandIn, gone: str) -> None:
    run.hosted.artifacts[:] = {
        "expired": [artifact(11, f"replay-{JOB}", b"", expired=True)],
        "absent": [],
        "damaged": [artifact(11, f"replay-{JOB}", b"PK\x03\x04 no archive")],
    }[gone]
    line = b"2026-11-26T03:14:00.1234567Z "
    log = line + b"##[group]replay file\n" + line + b'{"schema": 1, "target": "x"}\n' + line + CONTENT + b"\n"
    run.hosted.jobs[1] = job(2, JOB, log=log)
    found = find(run, RUN)
    assert (found.content, found.place) == (CONTENT, f"log of job 2 of {REPOSITORY}")


def test_a_log_without_one_is_said_to_have_none(run: StandIn) -> None:
    run.hosted.artifacts.clear()
    run.hosted.jobs[1] = job(2, JOB, log=b"the runner was lost\n")
    with pytest.raises(InputError, match=r"neither an artifact nor the log.*invoke build --id ID"):
        find(run, RUN)
    with pytest.raises(InputError, match=f"neither an artifact nor the log.*invoke build --id {ONE}"):
        find(run, RUN, ONE)


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("https://github.com/someone/wheels/issues/7", "no address of a run or a job"),
        ("https://example.org/runs/7", "no address of a run or a job"),
        (f"{RUN}/job/1", "called 'plan', and is none that builds targets"),
        ("nowhere.json", "cannot be read"),
        (ONE, "no build of ds0.19.8.* has left a replay file in nowhere"),
    ],
)
def test_what_leads_nowhere_is_told(run: StandIn, what: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        find(run, what)


def test_a_run_that_is_not_there_is_told(standin: StandIn) -> None:
    with pytest.raises((PublishError, InputError), match=r"no job that failed|404"):
        find(standin, RUN)


def test_a_file_its_archive_and_the_newest_of_a_target_are_read(standin: StandIn, tmp_path: Path) -> None:
    file = tmp_path / f"{ONE}.replay.json"
    file.write_bytes(CONTENT)
    packed = tmp_path / "artifact.zip"
    packed.write_bytes(archive(**{f"{ONE}.replay.json": CONTENT, f"{OTHER}.replay.json": b"{}"}))
    assert find(standin, str(file)).content == CONTENT
    assert find(standin, ONE, logs=tmp_path).content == CONTENT
    assert find(standin, str(packed), OTHER).content == b"{}"
    assert find(standin, str(packed)).content == CONTENT, "the one that tells of a failure"
    packed.write_bytes(archive(**{f"{name}.replay.json": CONTENT for name in (ONE, OTHER)}))
    with pytest.raises(InputError, match="holds several replay files"):
        find(standin, str(packed))
    with pytest.raises(InputError, match="holds no replay file of ds1"):
        find(standin, str(packed), "ds1")
