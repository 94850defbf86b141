"""Visual Studio and CUDA are found, and vcvars64.bat is captured, by a Windows Python on a made-up machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.wine.lab import Windows
from tests.wine.machine import Machine, make_machine

pytestmark = pytest.mark.wine
TARGET = "ds0.16.5-torch2.6.0-cu124-cp311-win_amd64"
OLDER = "ds0.16.5-torch2.6.0-cu118-cp311-win_amd64"
ODD = "Programme (x86) & mehr"
VS7 = r"HKLM\SOFTWARE\Microsoft\VisualStudio\SxS\VS7"
CUDA = r"HKLM\SOFTWARE\NVIDIA Corporation\GPU Computing Toolkit\CUDA\v12.4"


@pytest.fixture(scope="module")
def machine(windows: Windows) -> Machine:
    return make_machine(windows, "discovery", place=ODD)


@pytest.fixture
def registry(windows: Windows, machine: Machine) -> Iterator[None]:
    """What the installers write, below another name than the folders that are looked at."""
    for key, name, folder in ((VS7, "17.0", machine.studio), (CUDA, "InstallDir", machine.toolkit)):
        windows.run(["reg", "add", key, "/v", name, "/d", folder, "/f", "/reg:64"]).require()
    yield
    for key in (VS7, CUDA):
        windows.run(["reg", "delete", key, "/f", "/reg:64"]).require()


def survey(machine: Machine, target: str = TARGET) -> dict[str, Any]:
    """What `invoke toolchain` says of the machine."""
    said = machine.python("-m", "invoke", "toolchain", "--id", target, "--json").require()
    return dict(json.loads(said[said.index("{") :]))


def test_the_environment_that_vcvars_sets_is_captured_to_the_letter(machine: Machine) -> None:
    found = survey(machine)
    root = machine.windows.path(machine.studio)
    assert [studio["root"] for studio in found["visual_studios"]] == [root]
    tools = rf"{root}\VC\Tools\MSVC\14.44.35207"
    assert found["environment"]["VCToolsInstallDir"] == tools + "\\"
    assert found["environment"]["INCLUDE"].startswith(rf"{tools}\include;")
    assert found["environment"]["PATH"].startswith(rf"{tools}\bin\HostX64\x64;")
    assert found["host"]["toolset"] == "14.44.35207"
    assert found["why_no_host"] is None
    assert [toolkit["root"] for toolkit in found["toolkits"]] == [machine.windows.path(machine.toolkit)]


def test_an_older_cuda_gets_the_older_toolset(machine: Machine) -> None:
    found = survey(machine, OLDER)
    assert found["environment"]["VCToolsVersion"] == "14.29.30133"
    assert found["toolkits"] == []


def test_a_prompt_for_another_processor_is_refused(machine: Machine) -> None:
    found = survey(machine.having(VSCMD_ARG_TGT_ARCH="x86"))
    assert "this is a Visual Studio prompt for x86" in found["why_no_host"]


def test_what_only_the_registry_knows_is_found(machine: Machine, registry: None) -> None:
    found = survey(machine.without_programs())
    assert [studio["found_by"] for studio in found["visual_studios"]] == ["registry"]
    assert [toolkit["source"] for toolkit in found["toolkits"]] == ["registry"]
    assert found["host"]["toolset"] == "14.44.35207"


def test_a_machine_without_visual_studio_is_told_what_to_install(machine: Machine) -> None:
    found = survey(machine.without_programs())
    assert "no Visual Studio is on this machine" in found["why_no_host"]
    assert found["host"] is None


def doctor(machine: Machine) -> dict[str, Any]:
    """What `invoke doctor --to build` finds, by id; it ends with 0 when nothing is bad and with 14 else."""
    ended = machine.python("-m", "invoke", "doctor", "--to", "build", "--json")
    document = json.loads(ended.output[ended.output.index("{") :])
    assert ended.exit_code == (0 if document["well"] else 14), ended.errors
    assert "Traceback" not in ended.errors
    return {row["id"]: row for row in document["findings"]}


def test_the_doctor_looks_at_what_building_needs_there(machine: Machine) -> None:
    found = doctor(machine)
    asked = {"administrator", "visual-studio", "host-compiler", "cuda-toolkit", "long-paths", "virus-scanner", "disk"}
    assert asked <= found.keys()
    assert {"python-headers", "c-library"} & found.keys() == set()
    assert found["visual-studio"]["state"] == "ok"
    assert "14.44.35207" in found["visual-studio"]["found"]
    assert (found["host-compiler"]["state"], found["host-compiler"]["found"][:12]) == ("ok", "MSVC toolset")
    assert found["administrator"]["found"] == "does not matter here"


def test_the_doctor_names_the_installer_of_what_is_missing_there(machine: Machine) -> None:
    found = doctor(machine.without_programs())
    for name in ("visual-studio", "host-compiler"):
        assert found[name]["state"] == "missing"
        assert "vs_BuildTools.exe --add Microsoft.VisualStudio.Workload.VCTools" in found[name]["fix"]
