"""A target's toolchain: found before time is spent, refused with reason and way out, named in the cache key."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from scripts.dirs import CHECKOUT
from scripts.errors import PrerequisiteError
from scripts.facts.load import load_facts
from scripts.plan.matrix import load_matrix
from scripts.plan.target import Target, parse_id
from scripts.toolchain import compilers, host_compiler
from scripts.toolchain.compilers import Toolchain, find_toolchain, toolchain_context
from scripts.toolchain.cuda.toolkit import Toolkit
from scripts.toolchain.gates import gates_of
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
    monkeypatch.setattr(host_compiler, "find_visual_studios", lambda facts: (STUDIO,))
    monkeypatch.setattr(host_compiler, "capture_environment", capture)
    monkeypatch.setattr(compilers, "find_toolkit", lambda *asked: (None, []))
    return monkeypatch


@pytest.fixture
def linux(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A Linux machine with GCC 12 and the CUDA 13.0 toolkit."""
    monkeypatch.delenv("DEEPSPEED_WHEELS_CUDA", raising=False)
    monkeypatch.setattr(host_compiler, "find_gcc", lambda facts: GCC)
    monkeypatch.setattr(host_compiler, "absent_headers", lambda gcc, headers: frozenset())
    monkeypatch.setattr(compilers, "find_toolkit", lambda *asked: (TOOLKIT, []))
    return monkeypatch


def find(target: Target, folder: Path, choice: str = "auto") -> Toolchain:
    return find_toolchain(target, FACTS, choice, captured=folder, cache=folder)


def require(target: Target, toolchain: Toolchain) -> None:
    """Ask the gates what the toolchain of the target is asked."""
    found = toolchain_context(target, FACTS, toolchain, "auto", MATRIX.arches.get(target.cuda))
    gates_of(target, FACTS).require({**MATRIX.context_of(target, FACTS), **found})


def name_toolkit(monkeypatch: pytest.MonkeyPatch, version: str, system: str) -> None:
    """DEEPSPEED_WHEELS_CUDA names a complete toolkit of this version."""
    toolkit = replace(TOOLKIT, version=version, source="named", system=system)
    monkeypatch.setattr(
        compilers, "requested_toolkit", lambda choice, facts, system: toolkit if choice == "auto" else None
    )


def test_a_cpu_target_asks_for_no_toolkit(linux: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = find(CPU, tmp_path)
    assert (found.toolkit, found.cuda) == (None, None)
    assert found.identity == {"compiler": "g++ 12.2", "target": "x86_64-linux-gnu", "linker": "GNU ld 2.40"}
    assert found.directories == {"compiler": GCC.compiler}


def test_nvcc_is_part_of_a_cuda_op_s_identity_and_its_directory_is_not(
    linux: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = find(CUDA, tmp_path)
    assert found.identity["nvcc"] == "13.0.88"
    assert found.directories == {"toolkit": str(TOOLKIT.root), "compiler": GCC.compiler}
    assert str(TOOLKIT.root) not in str(found.identity)
    assert toolchain_context(CUDA, FACTS, found, "auto", None)["toolkit-version"] == "13.0"


def test_a_compiler_that_the_toolkit_refuses_is_refused_before_the_toolkit_is_fetched(
    linux: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    linux.setattr(host_compiler, "find_gcc", lambda facts: replace(GCC, major=16))
    linux.setattr(host_compiler, "accepted_gcc", lambda gcc, *_: gcc)
    linux.setattr(compilers, "find_toolkit", lambda *asked: (None, []))
    with pytest.raises(PrerequisiteError, match="GCC 16:\n  gcc-host-config"):
        require(CUDA, find(CUDA, tmp_path))
    require(CPU, find(CPU, tmp_path))


def test_a_toolkit_that_the_user_named_is_asked_the_gates_with_its_own_version(
    linux: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    name_toolkit(linux, "13.2", "linux")
    with pytest.raises(PrerequisiteError, match="ds-cuda13-minor"):
        require(CUDA, find(CUDA, tmp_path))


@pytest.mark.parametrize(("target", "toolset"), [(WINDOWS, "14.44"), (OLD, "14.29")])
def test_the_toolset_that_the_cuda_version_accepts_is_captured(
    windows: pytest.MonkeyPatch, tmp_path: Path, target: Target, toolset: str
) -> None:
    found = find(target, tmp_path)
    assert found.host.context["toolset"] == toolset
    assert found.host.identity["toolset"].startswith(toolset)
    assert found.host.variables == {"INCLUDE": r"C:\VS\include"}
    assert found.host.directories == {"studio": str(STUDIO.root)}
    require(target, found)


def test_the_toolset_is_chosen_for_the_toolkit_that_the_user_named(windows: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """14.44 goes with CUDA 12.4; a 12.1 toolkit, which torch for 12.4 takes as well, wants 14.29."""
    name_toolkit(windows, "12.1", "windows")
    found = find(WINDOWS, tmp_path)
    assert (found.cuda, found.host.context["toolset"]) == ("12.1", "14.29")
    assert toolchain_context(WINDOWS, FACTS, found, "auto", None)["toolkit-version"] == "12.1"


def test_a_compiler_that_only_the_named_toolkit_accepts_is_accepted(linux: pytest.MonkeyPatch, tmp_path: Path) -> None:
    old = parse_id("ds0.16.5-torch2.5.1-cu121-cp311-linux_x86_64")
    linux.setattr(host_compiler, "find_gcc", lambda facts: replace(GCC, major=13))
    linux.setattr(host_compiler, "accepted_gcc", lambda gcc, *_: gcc)
    with pytest.raises(PrerequisiteError, match="gcc-host-config"):
        require(old, find(old, tmp_path))
    name_toolkit(linux, "12.4", "linux")
    require(old, find(old, tmp_path))


def test_a_toolkit_of_a_version_that_nobody_described_is_named_as_such(
    linux: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    name_toolkit(linux, "12.5", "linux")
    with pytest.raises(PrerequisiteError, match=r"is CUDA 12\.5, of which nothing is known here; known: 11\.8"):
        find(CUDA, tmp_path)
    assert find(CUDA, tmp_path, "redist").cuda == "13.0", "a toolkit that is fetched is the target's"
    assert find(CPU, tmp_path).cuda is None


def test_a_pinned_toolset_wins(windows: pytest.MonkeyPatch, tmp_path: Path) -> None:
    windows.setenv("DEEPSPEED_WHEELS_MSVC", "14.29")
    assert find(WINDOWS, tmp_path).host.context["toolset"] == "14.29"
