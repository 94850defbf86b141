"""A cell's toolchain: found before time is spent, refused with reason and way out, named in the cache key."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from scripts.dirs import CHECKOUT
from scripts.errors import PrerequisiteError
from scripts.facts.load import load_facts
from scripts.plan.matrix import load_matrix
from scripts.plan.target import Target, parse_id
from scripts.toolchain import compilers as cell
from scripts.toolchain.cuda.toolkit import Toolkit
from scripts.toolchain.gcc import Gcc
from scripts.toolchain.msvc.toolset import ChosenToolset
from scripts.toolchain.msvc.vcvars import MsvcEnvironment
from scripts.toolchain.msvc.visual_studio import VisualStudio

FACTS = load_facts()
MATRIX = load_matrix(CHECKOUT / "matrix.yaml", FACTS)
CUDA = parse_id("ds0.19.8-torch2.11.0-cu130-cp311-linux_x86_64")
CPU = parse_id("ds0.19.8-torch2.13.0-cpu-cp311-linux_x86_64")
GCC = Gcc(compiler="/usr/bin/g++", version="g++ 12.2", target="x86_64-linux-gnu", linker="GNU ld 2.40", major=12)
TOOLKIT = Toolkit(root=Path("/opt/cuda"), version="13.0", nvcc="13.0.88", source="folder", system="linux", headers="ab")


WINDOWS = parse_id("ds0.16.5-torch2.6.0-cu124-cp311-win_amd64")
OLD = parse_id("ds0.16.5-torch2.6.0-cu118-cp311-win_amd64")
STUDIO = VisualStudio(
    root=Path("C:/VS/2022"),
    name="Visual Studio Community 2022",
    version="17.14.1",
    edition="Community",
    toolsets=("14.44.35207", "14.29.30133"),
    found_by="vswhere",
)


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A Windows machine with Visual Studio 2022 and two toolsets."""

    def capture(chosen: ChosenToolset, cache: Path) -> MsvcEnvironment:
        return MsvcEnvironment(
            studio=chosen.studio,
            toolset=chosen.version,
            variables={"INCLUDE": r"C:\VS\include"},
            compiler=chosen.compiler,
            linker=chosen.compiler.with_name("link.exe"),
            version="19.44.35207",
            linker_version="14.44.35207.1",
            sdk="10.0.26100.0",
            ucrt="10.0.26100.0",
        )

    monkeypatch.delenv("DEEPSPEED_WHEELS_MSVC", raising=False)
    monkeypatch.setattr(cell, "find_visual_studios", lambda facts: (STUDIO,))
    monkeypatch.setattr(cell, "capture_environment", capture)
    return monkeypatch


@pytest.fixture
def linux(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A Linux machine with GCC 12 and the CUDA 13.0 toolkit."""
    monkeypatch.setattr(cell, "find_gcc", lambda facts: GCC)
    monkeypatch.setattr(cell, "provide_toolkit", lambda version, **asked: TOOLKIT)
    return monkeypatch


def toolchain_of(target: Target, host: cell.HostCompiler, folder: Path) -> cell.Toolchain:
    return cell.provide_toolchain(
        target,
        FACTS,
        MATRIX.context_of(target, FACTS),
        host,
        choice="auto",
        cache=folder,
        arches=MATRIX.arches.get(target.cuda),
        log=print,
    )


def test_a_cpu_cell_asks_for_no_toolkit(linux: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = toolchain_of(CPU, cell.find_host(CPU, FACTS, tmp_path, CPU.cuda_version), tmp_path)
    assert found.toolkit is None
    assert found.identity == {"compiler": "g++ 12.2", "target": "x86_64-linux-gnu", "linker": "GNU ld 2.40"}
    assert found.places == {"compiler": GCC.compiler}


def test_nvcc_is_part_of_a_cuda_op_s_identity_and_its_folder_is_not(linux: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = toolchain_of(CUDA, cell.find_host(CUDA, FACTS, tmp_path, CUDA.cuda_version), tmp_path)
    assert found.identity["nvcc"] == "13.0.88"
    assert found.places == {"toolkit": str(TOOLKIT.root), "compiler": GCC.compiler}
    assert str(TOOLKIT.root) not in str(found.identity)
    assert found.context["toolkit-version"] == "13.0"


def test_a_compiler_that_the_toolkit_refuses_is_said_before_the_toolkit_is_fetched(
    linux: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    linux.setattr(cell, "find_gcc", lambda facts: replace(GCC, major=16))
    host = cell.find_host(CUDA, FACTS, tmp_path, CUDA.cuda_version)
    with pytest.raises(PrerequisiteError, match="GCC 16:\n  gcc-host-config"):
        cell.check_toolchain(CUDA, FACTS, MATRIX.context_of(CUDA, FACTS), host, CUDA.cuda_version)
    cell.check_toolchain(
        CPU,
        FACTS,
        MATRIX.context_of(CPU, FACTS),
        cell.find_host(CPU, FACTS, tmp_path, CPU.cuda_version),
        CPU.cuda_version,
    )


def test_a_toolkit_that_a_person_named_is_asked_the_gates_with_its_own_version(
    linux: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    linux.setattr(cell, "provide_toolkit", lambda version, **asked: replace(TOOLKIT, version="13.2", source="named"))
    with pytest.raises(PrerequisiteError, match="ds-cuda13-minor"):
        toolchain_of(CUDA, cell.find_host(CUDA, FACTS, tmp_path, CUDA.cuda_version), tmp_path)


@pytest.mark.parametrize(("target", "toolset"), [(WINDOWS, "14.44"), (OLD, "14.29")])
def test_the_toolset_that_the_cuda_version_accepts_is_captured(
    windows: pytest.MonkeyPatch, tmp_path: Path, target: Target, toolset: str
) -> None:
    host = cell.find_host(target, FACTS, tmp_path, target.cuda_version)
    assert host.context["toolset"] == toolset
    assert host.identity["toolset"].startswith(toolset)
    assert host.variables == {"INCLUDE": r"C:\VS\include"}
    assert host.places == {"studio": str(STUDIO.root)}
    cell.check_toolchain(target, FACTS, MATRIX.context_of(target, FACTS), host, target.cuda_version)


def named(monkeypatch: pytest.MonkeyPatch, version: str, system: str) -> None:
    """DEEPSPEED_WHEELS_CUDA names a whole toolkit of this version."""
    toolkit = replace(TOOLKIT, version=version, source="named", system=system)
    monkeypatch.setattr(cell, "named_toolkit", lambda facts, system: toolkit)
    monkeypatch.setattr(cell, "provide_toolkit", lambda version, **asked: toolkit)


def test_the_toolset_is_chosen_for_the_toolkit_that_a_person_named(windows: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """14.44 goes with CUDA 12.4; a 12.1 toolkit, which torch for 12.4 takes as well, wants 14.29."""
    named(windows, "12.1", "windows")
    cuda = cell.toolkit_version(WINDOWS, FACTS, "auto")
    host = cell.find_host(WINDOWS, FACTS, tmp_path, cuda)
    assert (cuda, host.context["toolset"]) == ("12.1", "14.29")
    assert toolchain_of(WINDOWS, host, tmp_path).context["toolkit-version"] == "12.1"


def test_a_compiler_that_only_the_named_toolkit_accepts_is_accepted(linux: pytest.MonkeyPatch, tmp_path: Path) -> None:
    old = parse_id("ds0.16.5-torch2.5.1-cu121-cp311-linux_x86_64")
    linux.setattr(cell, "find_gcc", lambda facts: replace(GCC, major=13))
    context = MATRIX.context_of(old, FACTS)
    with pytest.raises(PrerequisiteError, match="gcc-host-config"):
        cell.check_toolchain(old, FACTS, context, cell.find_host(old, FACTS, tmp_path, "12.1"), "12.1")
    named(linux, "12.4", "linux")
    cuda = cell.toolkit_version(old, FACTS, "auto")
    cell.check_toolchain(old, FACTS, context, cell.find_host(old, FACTS, tmp_path, cuda), cuda)


def test_a_toolkit_of_a_version_that_nobody_described_is_named_as_such(linux: pytest.MonkeyPatch) -> None:
    named(linux, "12.5", "linux")
    with pytest.raises(PrerequisiteError, match=r"is CUDA 12\.5, of which nothing is known here; known: 11\.8"):
        cell.toolkit_version(CUDA, FACTS, "auto")
    assert cell.toolkit_version(CUDA, FACTS, "redist") == "13.0", "a toolkit that is fetched is the cell's"
    assert cell.toolkit_version(CPU, FACTS, "auto") is None


def test_a_pinned_toolset_wins(windows: pytest.MonkeyPatch, tmp_path: Path) -> None:
    windows.setenv("DEEPSPEED_WHEELS_MSVC", "14.29")
    assert cell.find_host(WINDOWS, FACTS, tmp_path, WINDOWS.cuda_version).context["toolset"] == "14.29"
