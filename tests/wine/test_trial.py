"""`invoke trial` on a made-up Windows machine: a build that fails, a whole one for CUDA, and what is left to send."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from scripts.commands.diagnose_task import diagnose_log
from scripts.commands.task_options import DiagnoseOptions
from tests.wine.lab import Ended, Windows
from tests.wine.machine import Machine, connected, make_machine

pytestmark = [pytest.mark.wine, pytest.mark.nightly]
SMALLER = {  # what the index on loopback has a torch for, and cpu
    "deepspeed": ["0.19.8"],
    "torch": ["2.6"],
    "cuda": ["cpu", "cu124"],
    "exclude": [],
    "priorities": [{"priority": 1, "name": "all", "when": {}}],
}
CPU, CUDA = (f"ds0.19.8-torch2.6.0-{cuda}-cp311-win_amd64" for cuda in ("cpu", "cu124"))
OPS = ("--ops", "fused_adam,cpu_adam", "--verify", "load")  # a stand-in calculates nothing


@dataclass(frozen=True, kw_only=True)
class Tried:
    """How the trial ended, and where its archive lies."""

    machine: Machine
    ended: Ended
    archive: Path


@pytest.fixture(scope="module")
def tried(windows: Windows) -> Iterator[Tried]:
    with connected(make_machine(windows, "trial")) as machine:
        matrix = machine.checkout / "matrix.yaml"
        whole = yaml.safe_load(matrix.read_text(encoding="utf-8"))
        arches = {"cu124": whole["arches"]["cu124"]}
        matrix.write_text(yaml.safe_dump({**whole, **SMALLER, "arches": arches}), encoding="utf-8")
        ended = machine.python("-m", "invoke", "trial", *OPS, seconds=1500)
        yield Tried(machine=machine, ended=ended, archive=machine.output / "logs" / "trial.zip")


def member(tried: Tried, name: str) -> bytes:
    with zipfile.ZipFile(tried.archive) as archive:
        return archive.read(name)


def test_the_build_after_a_failed_one_is_made_and_what_to_send_is_told(tried: Tried) -> None:
    lines = [line.strip() for line in tried.ended.output.splitlines()]
    assert f"built and verified: {CUDA}" in lines, tried.ended.output + tried.ended.errors
    assert any(line.startswith("failed, exit code ") and line.endswith(CPU) for line in lines)
    assert tried.ended.exit_code not in (0, 1, 2)
    assert f"Please send {tried.machine.windows.path(tried.archive)}:" in tried.ended.output
    assert [line for line in lines if line.startswith("not tried: ")] == [
        f"not tried: {cuda}, for which no Python of this machine has a target" for cuda in ("cu132", "cu130")
    ]


def test_the_cuda_build_left_its_log_manifest_replay_and_toolchain(tried: Tried) -> None:
    assert json.loads(member(tried, f"{CUDA}/result.json"))["exit_code"] == 0
    assert rb"\bin\nvcc" in member(tried, f"{CUDA}/build.log")
    with zipfile.ZipFile(tried.archive) as archive:
        [name] = [name for name in archive.namelist() if name.startswith(f"{CUDA}/manifest/")]
        assert f"{CUDA}/replay.json" in archive.namelist()
    manifest = json.loads(member(tried, name))
    assert sorted(manifest["ops"]) == ["cpu_adam", "fused_adam"]
    toolchain = json.loads(member(tried, f"{CUDA}/toolchain.json"))
    assert toolchain["host"]["toolset"] == manifest["toolchain"]["toolset"] == "14.44.35207"


def test_diagnose_tells_why_the_other_failed_from_the_archive_alone(
    tried: Tried, capsys: pytest.CaptureFixture[str]
) -> None:
    diagnose_log(DiagnoseOptions(log=str(tried.archive), json=True))
    found = json.loads(capsys.readouterr().out)
    assert found[CUDA]["findings"] == found[CUDA]["unknown"] == []
    assert found[CPU]["findings"], found[CPU]
