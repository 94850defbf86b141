"""Each prerequisite of running a wheel is called what it is, with one line that mends it."""

from __future__ import annotations

import os
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scripts.doctor import torch_toolkit
from scripts.doctor.cuda_home import guide_lines, shells_at_hand
from scripts.doctor.examination import examine, summary
from scripts.doctor.prerequisite import Prerequisite
from scripts.doctor.to_run import RunChecks, file_version
from scripts.doctor.torch_toolkit import torch_cuda_home
from scripts.facts.load import load_facts
from scripts.graphics import Gpu, Graphics
from scripts.install.environment import DeepSpeedBuild, Environment, Torch
from scripts.install.machine import Machine
from tests.install.factories import make_environment, make_machine, make_torch

FACTS = load_facts()
LINUX: dict[str, Any] = {"platform": "linux_x86_64", "c_library": "glibc 2.39", "cxx_library": "3.4.33"}
AMD = Machine(graphics=Graphics(gpus=(Gpu(name="AMD Radeon RX 9070 XT", maker="AMD"),)))
SILENT = Machine(graphics=Graphics(gpus=(Gpu(name="NVIDIA card 0x2684"),)))
OLD = make_torch("2.5.1+cu124")
DETACHED = DeepSpeedBuild(detaches_weights=True)

# finding -> environment, state, words of what was found, words of the line
CASES: list[tuple[str, Environment, str, str, str]] = [
    ("platform", make_environment(), "ok", "win_amd64", ""),
    ("platform", make_environment(platform="linux_aarch64"), "wrong", "64-bit Arm", "pip install deepspeed"),
    ("platform", make_environment(**{**LINUX, "c_library": "musl"}), "wrong", "musl", "glibc"),
    ("python", make_environment(version="3.14t"), "wrong", "free-threaded", "uv venv --python 3.14"),
    ("python", make_environment(version="3.7"), "wrong", "torch has wheels for", "uv venv --python 3.8"),
    ("python", make_environment(implementation="pypy"), "wrong", "pypy 3.11", "uv venv --python 3.11"),
    ("graphics-card", make_environment(machine=AMD), "ok", "AMD Radeon RX 9070 XT (AMD): not NVIDIA's", ""),
    ("graphics-card", make_environment(machine=make_machine(driver=None)), "ok", "for the CPU", ""),
    ("graphics-driver", make_environment(machine=SILENT), "unknown", "its driver says nothing", "nvidia.com/drivers"),
    ("graphics-driver", make_environment(), "ok", "CUDA up to 12.8", ""),
    ("torch", make_environment(), "ok", "2.6.0+cu124", ""),
    ("torch", make_environment(torch=None), "missing", "not installed", "invoke install --repair --python python.exe"),
    ("torch", make_environment(torch=make_torch("2.11.0.dev20251217+cu128")), "wrong", "came before", "--repair"),
    ("torch", make_environment(torch=make_torch("2.9.1+rocm6.4")), "wrong", "for ROCm", "--repair"),
    ("torch", make_environment(torch=make_torch("1.13.1+cu117")), "wrong", "is made for torch 1.13", "--repair"),
    ("torch", make_environment(torch=make_torch("2.9.0")), "wrong", "for the CPU, and leaves GPU 8.6", "--repair"),
    ("torch", make_environment(torch=replace(OLD, gone=("torch/lib/c10.dll",))), "wrong", "c10.dll among", "--repair"),
    ("torch", make_environment(torch=replace(OLD, cxx11_abi=1), **LINUX), "wrong", "C++ ABI is 1", "--repair"),
    ("torch-driver", make_environment(torch=make_torch("2.9.1+cu130")), "wrong", "for CUDA 13.0", "driver to 5"),
    ("torch-driver", make_environment(), "ok", "CUDA 12.4 runs", ""),
    ("torch-card", make_environment(machine=make_machine("12.0")), "wrong", "no code for GPU 12.0", "--repair"),
    ("torch-card", make_environment(), "ok", "8.6", ""),
    ("torch-companions", make_environment(companions={"torchvision": ("0.20.1", "torch==2.5.1")}), "wrong",
     "torchvision 0.20.1 asks for torch==2.5.1; here is torch 2.6.0+cu124", "--repair"),
    ("torch-companions", make_environment(companions={"torchvision": ("0.21.0", "torch==2.6.0")}), "ok", "0.21.0", ""),
    ("c-library", make_environment(**LINUX), "ok", "glibc 2.39, GLIBCXX_3.4.33", ""),
    ("c-library", make_environment(**{**LINUX, "c_library": "glibc 2.17"}), "wrong", "built with glibc 2.", "newer"),
    ("c-library", make_environment(**{**LINUX, "c_library": None}), "unknown", "does not say", "newer"),
    ("deepspeed", make_environment(), "missing", "not installed", "invoke install --python python.exe"),
    ("deepspeed", make_environment(deepspeed="0.16.5+cu121torch2.5"), "wrong", "for torch 2.5, not", "invoke install"),
    ("deepspeed", make_environment(deepspeed="0.16.5+cu124torch2.6"), "ok", "0.16.5+cu124torch2.6", ""),
    ("flat-weights", make_environment(deepspeed="0.18.9"), "wrong", "0.18.9 as it was released", "invoke install"),
    ("flat-weights", make_environment(deepspeed="0.18.6"), "ok", "does not matter", ""),
    ("flat-weights", make_environment(deepspeed="0.19.0"), "ok", "does not matter", ""),
    ("flat-weights", replace(make_environment(deepspeed="0.18.9"), deepspeed_build=DETACHED), "ok", "is patched", ""),
    ("libuv", make_environment(), "wrong", "USE_LIBUV is not set", "setx USE_LIBUV 0"),
    ("libuv", make_environment(torch=make_torch("2.7.1+cu126")), "ok", "does not matter", ""),
]  # fmt: skip


def finding_of(name: str, environment: Environment) -> Prerequisite:
    return next(finding for finding in examine(environment, FACTS) if finding.id == name)


@pytest.mark.parametrize(("name", "mine", "state", "found", "line"), CASES)
def test_a_prerequisite_is_called_what_it_is(
    name: str, mine: Environment, state: str, found: str, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("USE_LIBUV", raising=False)
    seen = finding_of(name, mine)
    assert (seen.state, bool(seen.fix), bool(seen.consequence)) == (state, state != "ok", state != "ok")
    assert found in seen.found
    assert line in seen.fix


def installed_cuda(folder: Path) -> Path:
    """A folder with what the probe at import starts."""
    program = folder / "cuda" / "bin" / ("nvcc.exe" if os.name == "nt" else "nvcc")
    program.parent.mkdir(parents=True)
    program.touch(mode=0o755)
    return folder / "cuda"


@pytest.mark.parametrize("system", ["windows", "linux"])
def test_the_toolkit_that_torch_takes_is_found_in_torch_s_order(
    system: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("CUDA_HOME", "CUDA_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(torch_toolkit, "WINDOWS_DEFAULT", tmp_path / "NVIDIA")
    monkeypatch.setattr(torch_toolkit, "UNIX_DEFAULT", tmp_path / "unix")
    monkeypatch.setenv("PATH", str(tmp_path / "cuda" / "bin"))
    assert torch_cuda_home(system) is None
    last = {"windows": tmp_path / "NVIDIA" / "v12.4", "linux": tmp_path / "unix"}
    for folder in last.values():
        folder.mkdir(parents=True)
    assert torch_cuda_home(system) == last[system]
    program = installed_cuda(tmp_path)
    assert torch_cuda_home(system) == program
    for name in ("CUDA_PATH", "CUDA_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))  # which need not be there
        assert torch_cuda_home(system) == tmp_path / name


def test_importing_an_old_deepspeed_needs_a_toolkit_unless_its_probe_is_caught(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("CUDA_HOME", "CUDA_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    monkeypatch.setattr("scripts.doctor.torch_toolkit.UNIX_DEFAULT", tmp_path / "nothing")
    mine = make_environment(deepspeed="0.16.5", **LINUX)
    assert finding_of("import-probe", mine).found == "no CUDA toolkit is found"
    safe = replace(mine, deepspeed_build=DeepSpeedBuild(probes_safely=True))
    assert finding_of("import-probe", safe).state == "ok"
    monkeypatch.setenv("CUDA_HOME", str(tmp_path / "empty"))
    assert finding_of("import-probe", mine).state == "missing"
    assert finding_of("import-probe", mine).found == f"{tmp_path / 'empty'} has no nvcc in bin"
    monkeypatch.setenv("CUDA_HOME", str(installed_cuda(tmp_path)))
    assert finding_of("import-probe", mine).found == str(tmp_path / "cuda")
    assert finding_of("import-probe", replace(mine, deepspeed="0.19.8")).found == "does not matter here"


def test_every_row_of_the_side_has_its_check_and_every_check_its_row() -> None:
    checks = RunChecks(environment=make_environment(), facts=FACTS)
    assert set(checks.by_id()) == {row.id for row in FACTS.findings.values() if row.side == "run"}


def test_the_first_sentence_is_calm_and_names_what_needs_attention(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("USE_LIBUV", "0")
    monkeypatch.setenv("CUDA_HOME", str(installed_cuda(tmp_path)))
    monkeypatch.setattr("scripts.doctor.to_run.file_version", lambda file: "14.44.35211")
    mine = make_environment(deepspeed="0.16.5+cu124torch2.6")
    assert summary(examine(mine, FACTS)).startswith("All is well: 14 things were looked at")
    alone = summary(examine(replace(mine, deepspeed=None), FACTS))
    assert alone == "One thing needs your attention, 13 do not: DeepSpeed."


def test_another_program_names_itself_in_the_lines() -> None:
    findings = examine(make_environment(torch=None), FACTS, program=("python", "deepspeed-wheels.pyz"))
    [line] = [finding.fix for finding in findings if finding.id == "torch"]
    assert line.startswith("python deepspeed-wheels.pyz install --repair")


@pytest.mark.parametrize(("name", "state"), [("14.44.35211", "ok"), ("14.0.24215", "wrong"), (None, "missing")])
def test_an_old_runtime_of_microsoft_is_wrong(
    name: str | None, state: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SYSTEMROOT", str(tmp_path))
    monkeypatch.setattr("scripts.doctor.to_run.file_version", lambda file: name)
    seen = finding_of("msvc-runtime", make_environment())
    assert seen.state == state
    assert ("winget install" in seen.fix) == (state != "ok")


def test_the_version_of_a_file_is_read_from_its_resources(tmp_path: Path) -> None:
    file = tmp_path / "some.dll"
    words = (0xFEEF04BD, 0x10000, 14 << 16 | 44, 35211 << 16 | 0)
    file.write_bytes(b"MZ" + b"\0" * 100 + struct.pack("<IIII", *words))
    assert file_version(file) == "14.44.35211"
    file.write_bytes(b"MZ")
    assert (file_version(file), file_version(tmp_path / "none.dll")) == (None, None)


@pytest.mark.parametrize(
    ("system", "variables", "first"),
    [
        ("windows", {"PROMPT": "$P$G"}, "cmd"),
        ("windows", {}, "PowerShell"),
        ("windows", {"PROMPT": "$P$G", "CONDA_PREFIX": "C:\\conda"}, "conda"),
        ("linux", {}, "bash"),
        ("linux", {"CONDA_PREFIX": "/opt/conda"}, "conda"),
    ],
)
def test_the_guide_begins_with_the_shell_at_hand(system: str, variables: dict[str, str], first: str) -> None:
    shells = shells_at_hand(FACTS.guides, system, variables)
    assert shells[0].title == first
    lines = list(guide_lines(FACTS.guides, system, variables, "/opt/cuda-12.8"))
    assert lines[1].strip() == first
    for when in ("for now", "for this environment", "for good"):
        assert sum(when in line and "CUDA_HOME" in line and "/opt/cuda-12.8" in line for line in lines) == len(shells)
    assert sum("to check" in line and "CUDA_HOME" in line and "nvcc" in line for line in lines) == len(shells)


def test_torch_of_unknown_patch_is_judged_by_its_minor() -> None:
    torch = Torch(version="2.6.9+cu124", installed="2.6.9", variant="cu124")
    assert finding_of("torch", make_environment(torch=torch)).state == "ok"


def test_every_line_for_windows_sets_both_variables() -> None:
    """NVIDIA's installer sets CUDA_PATH, and two that differ are called wrong."""
    for guide in FACTS.guides.values():
        for line in (guide.now, guide.environment, guide.always) if guide.system == "windows" else ():
            assert "CUDA_HOME" in line, guide
            assert "CUDA_PATH" in line, guide
