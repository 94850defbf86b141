"""A whole `invoke build` of CUDA targets on a made-up Windows machine: every command line that it ends in.

Each release is built with an object cache of its own that is empty at first, and every night a second time: what the
compilers listed as read is what that looks up. Between the two, a header begins to exist for the second release.

Golden files: one per target. After a change that is meant, run the test, look at the difference that it shows, and run
it once more with DEEPSPEED_WHEELS_WRITE_GOLDEN=1 set, which writes them anew.
"""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.wine.command_log import describe_calls
from tests.wine.lab import Windows
from tests.wine.machine import TOOLSETS, Machine, connected, make_machine

pytestmark = pytest.mark.wine
GOLDEN = Path(__file__).parent / "golden"
OBJECT = re.compile(r"\\objects\\([0-9a-f]{20})\\[^\\]+\.(?:obj|pyd)$")
WRITE = "DEEPSPEED_WHEELS_WRITE_GOLDEN"
TARGET = "ds{}-torch2.6.0-cu124-cp311-win_amd64"
KINDS = {"0.16.5": ("tag", "smoke"), "0.19.8": ("sdist", "audit")}  # release -> source and proof
APPEARS = {"0.16.5": None, "0.19.8": "Windows.h"}  # release -> what begins to exist; sources say <windows.h>


@dataclass(frozen=True, kw_only=True)
class Built:
    """What a build left: its result, its manifest, the calls of the stand-ins."""

    target: str
    result: dict[str, Any]
    manifest: dict[str, Any]
    wheel: bytes
    calls: list[dict[str, Any]]
    described: str

    def members(self, ending: str) -> dict[str, bytes]:
        """The files of the wheel that end so."""
        with zipfile.ZipFile(io.BytesIO(self.wheel)) as wheel:
            return {name: wheel.read(name) for name in wheel.namelist() if name.endswith(ending)}

    def compiled(self) -> dict[str, int]:
        """How many units of it were compiled, by the folder of their op's objects."""
        words = (word for call in self.calls if call["program"] in ("cl", "nvcc") for word in call["argv"])
        return Counter(found[1] for word in words if (found := OBJECT.search(word)))

    def linked(self) -> dict[str, str]:
        """The file of each op that was linked, by the folder of its objects."""
        words = (word for call in self.calls if call["program"] == "link" for word in call["argv"])
        outputs = (found for word in words if word.startswith("/OUT:") and (found := OBJECT.search(word)))
        return {found[1]: found.string.rpartition("\\")[2] for found in outputs}


@pytest.fixture(scope="module")
def machine(windows: Windows) -> Iterator[Machine]:
    with connected(make_machine(windows, "build")) as machine:
        yield machine


@pytest.fixture(scope="module", params=list(KINDS))
def release(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def built(machine: Machine, release: str) -> Built:
    return build(machine, release, KINDS[release][1])


@pytest.fixture(scope="module")
def built_again(machine: Machine, release: str, built: Built) -> Built:
    """From the objects that the first build kept, and a header that no compiler of it saw; no op is in the cache."""
    assert built.result["exit_code"] == 0
    shutil.rmtree(cache_of(machine, release) / "ops")
    if name := APPEARS[release]:
        (machine.studio / "VC" / "Tools" / "MSVC" / TOOLSETS[-1] / "include" / name).write_text("#define APPEARED\n")
    return build(machine, release, "audit", "--again")


def build(machine: Machine, release: str, prove: str, *more: str) -> Built:
    target, cache = TARGET.format(release), cache_of(machine, release)
    before = len(machine.calls())
    words = ["-m", "invoke", "build", "--id", target, "--source", KINDS[release][0], "--verify", prove, "--json", *more]
    own = machine.having(DEEPSPEED_WHEELS_CACHE=machine.windows.path(cache))
    said = own.python(*words, seconds=3000).require()
    (result,) = json.loads(said[said.index("{") :])["results"]
    wheel = machine.windows.drive_c / result["wheel"].removeprefix("C:\\").replace("\\", "/")
    calls = machine.calls()[before:]
    return Built(
        target=target,
        result=result,
        manifest=json.loads(Path(f"{wheel}.json").read_text(encoding="utf-8")),
        wheel=wheel.read_bytes(),
        calls=calls,
        described=describe_calls(calls, folders(machine, cache / "unfinished" / target)) if not more else "",
    )


def cache_of(machine: Machine, release: str) -> Path:
    """The cache of a release's builds: two releases share units, and a golden file has the commands of one."""
    return machine.output / f"cache-{release}"


def folders(machine: Machine, work: Path) -> dict[str, str]:
    """The names that stand for this machine's folders in a golden file; `work` is where the target is built."""
    path = machine.windows.path
    environment = machine.checkout / ".nox" / work.name.replace(".", "-")
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
        file.write_text(built.described, encoding="utf-8")
    assert built.described == file.read_text(encoding="utf-8")


def test_the_wheel_is_proven_and_holds_what_the_commands_asked_for(built: Built) -> None:
    assert built.result["exit_code"] == 0
    assert built.manifest["proof"]["passed"] is True
    failed = [check for check in built.manifest["proof"]["checks"] if check["passed"] is False]
    assert failed == []


def test_a_build_from_either_source_packages_the_batch_files(built: Built) -> None:
    scripts = {Path(name).name for name in built.members(".bat") if ".data/scripts/" in name}
    assert {"deepspeed.bat", "ds_report.bat"} <= scripts


def test_setup_py_is_patched_so_that_no_git_is_needed(built: Built) -> None:
    assert "P14" in built.manifest["source"]["patches"]
    assert ("P1" in built.manifest["source"]["patches"]) is (built.manifest["source"]["kind"] == "sdist")


@pytest.mark.nightly
def test_a_build_from_kept_objects_makes_the_same_wheel_and_compiles_what_the_new_header_is_asked_for_by(
    built: Built, built_again: Built, release: str
) -> None:
    """A stand-in's object depends on what it read and was told to define, so a wrong one is seen in the op."""
    assert built_again.result["exit_code"] == 0
    linked = built_again.linked()
    assert sorted(linked.values()) == sorted(built.linked().values())
    before, after = built.members(".pyd"), built_again.members(".pyd")
    assert before.keys() == after.keys()
    changed = {Path(name).name for name in before if before[name] != after[name]}
    assert changed == {linked[folder] for folder in built_again.compiled()}
    if APPEARS[release]:
        assert 0 < sum(built_again.compiled().values()) < sum(built.compiled().values()) / 2
    else:
        assert built_again.wheel == built.wheel
