"""A whole `invoke build` of CUDA targets on a made-up Windows machine: every command line that it ends in.

Golden files: one per target. After a change that is meant, run the test, look at the difference that it shows, and run
it once more with DEEPSPEED_WHEELS_WRITE_GOLDEN=1 set, which writes them anew.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.wine.command_log import describe_calls
from tests.wine.lab import Windows
from tests.wine.machine import Machine, connected, make_machine

pytestmark = pytest.mark.wine
GOLDEN = Path(__file__).parent / "golden"
WRITE = "DEEPSPEED_WHEELS_WRITE_GOLDEN"
TARGET = "ds{}-torch2.6.0-cu124-cp311-win_amd64"
KINDS = {"0.16.5": ("tag", "smoke"), "0.19.8": ("sdist", "audit")}  # release -> source and proof


@dataclass(frozen=True, kw_only=True)
class Built:
    """What a build left: its result, its manifest, the calls of the stand-ins."""

    target: str
    result: dict[str, Any]
    manifest: dict[str, Any]
    wheel: Path
    calls: str


@pytest.fixture(scope="module")
def machine(windows: Windows) -> Iterator[Machine]:
    with connected(make_machine(windows, "build")) as machine:
        yield machine


@pytest.fixture(scope="module", params=list(KINDS))
def built(request: pytest.FixtureRequest, machine: Machine) -> Built:
    source, prove = KINDS[request.param]
    target = TARGET.format(request.param)
    before = len(machine.calls())
    words = ["-m", "invoke", "build", "--id", target, "--source", source, "--verify", prove, "--no-cache", "--json"]
    said = machine.python(*words, seconds=1500).require()
    (result,) = json.loads(said[said.index("{") :])["results"]
    wheel = machine.windows.drive_c / result["wheel"].removeprefix("C:\\").replace("\\", "/")
    return Built(
        target=target,
        result=result,
        manifest=json.loads(Path(f"{wheel}.json").read_text(encoding="utf-8")),
        wheel=wheel,
        calls=describe_calls(machine.calls()[before:], folders(machine, target)),
    )


def folders(machine: Machine, target: str) -> dict[str, str]:
    """The names that stand for this machine's folders in a golden file."""
    path, work = machine.windows.path, machine.output / "cache" / "unfinished" / target
    environment = machine.checkout / ".nox" / target.replace(".", "-")
    return {
        "source": path(work / "source"),
        "objects": path(work / "objects"),
        "recorded": path(work / "recorded"),
        "environment": path(environment),
        "python": path(machine.windows.drive_c / "python" / "3.11"),
        "studio": path(machine.studio),
        "kits": path(machine.programs / "Windows Kits" / "10"),
        "toolkit": path(machine.toolkit),
        "temporary": path(machine.output / "temp"),
    }


def test_every_command_line_is_that_of_the_golden_file(built: Built) -> None:
    file = GOLDEN / f"{built.target}.txt"
    if os.environ.get(WRITE):
        file.write_text(built.calls, encoding="utf-8")
    assert built.calls == file.read_text(encoding="utf-8")


def test_the_wheel_is_proven_and_holds_what_the_commands_asked_for(built: Built) -> None:
    assert built.result["exit_code"] == 0
    assert built.manifest["proof"]["passed"] is True
    failed = [check for check in built.manifest["proof"]["checks"] if check["passed"] is False]
    assert failed == []


def test_a_build_from_either_source_packages_the_batch_files(built: Built) -> None:
    with zipfile.ZipFile(built.wheel) as wheel:
        scripts = {Path(name).name for name in wheel.namelist() if ".data/scripts/" in name}
    assert {"deepspeed.bat", "ds_report.bat"} <= scripts


def test_setup_py_is_patched_so_that_no_git_is_needed(built: Built) -> None:
    assert "P14" in built.manifest["source"]["patches"]
    assert ("P1" in built.manifest["source"]["patches"]) is (built.manifest["source"]["kind"] == "sdist")
