"""What a machine has for a target is shown with what it lacks; nothing is fetched for that."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.dirs import CHECKOUT
from scripts.errors import PrerequisiteError
from scripts.facts.load import load_facts
from scripts.plan.matrix import load_matrix
from scripts.plan.target import parse_id
from scripts.toolchain import host_compiler, survey
from scripts.toolchain.cuda import discovery
from scripts.toolchain.cuda.discovery import PassedOver, ToolkitCandidate
from scripts.toolchain.cuda.toolkit import Toolkit
from scripts.toolchain.gcc import Gcc

FACTS = load_facts()
MATRIX = load_matrix(CHECKOUT / "matrix.yaml", FACTS)
CUDA = parse_id("ds0.19.8-torch2.11.0-cu130-cp311-linux_x86_64")
GCC = Gcc(compiler="/usr/bin/g++", version="g++ 12.2", target="x86_64-linux-gnu", linker="GNU ld 2.40", major=12)
TOOLKIT = Toolkit(root=Path("/opt/cuda"), version="13.0", nvcc="13.0.88", source="folder", system="linux", headers="ab")
OLD = ToolkitCandidate(root=Path("/old"), source="variable", told_by="CUDA_PATH")
POOR = PassedOver(candidate=OLD, reason="no curand.h")


def look(folder: Path) -> survey.Survey:
    return survey.survey(CUDA, FACTS, MATRIX.context_of(CUDA, FACTS), folder, folder)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.delenv(discovery.NAMED_VARIABLE, raising=False)
    monkeypatch.setattr(host_compiler, "find_gcc", lambda facts: GCC)
    monkeypatch.setattr(host_compiler, "absent_headers", lambda gcc, headers: frozenset())
    monkeypatch.setattr(survey, "find_toolkits", lambda version, facts, system: ([TOOLKIT], [POOR]))
    return monkeypatch


def test_compilers_and_toolkits_are_shown_and_what_was_passed_over(machine: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = look(tmp_path)
    assert found.as_lines() == [
        CUDA.id,
        "  compiler: g++ 12.2",
        "  target: x86_64-linux-gnu",
        "  linker: GNU ld 2.40",
        f"  CUDA 13.0.88 (folder) in {TOOLKIT.root}",
        "  passed over: no curand.h (CUDA_PATH)",
    ]
    document = found.as_document()
    assert document["toolkits"] == [
        {"root": str(TOOLKIT.root), "version": "13.0", "nvcc": "13.0.88", "source": "folder"}
    ]
    assert document["why_no_host"] is None


def test_a_missing_compiler_and_toolkit_are_said_with_what_follows(machine: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def absent(facts: object) -> Gcc:
        raise PrerequisiteError("a C++ compiler (g++) is missing; install it with: apt-get install g++")

    machine.setattr(host_compiler, "find_gcc", absent)
    machine.setattr(survey, "find_toolkits", lambda version, facts, system: ([], []))
    assert look(tmp_path).as_lines() == [
        CUDA.id,
        "  a C++ compiler (g++) is missing; install it with: apt-get install g++",
        "  no complete CUDA 13.0 toolkit is installed; a build fetches one",
    ]


def test_an_op_that_cannot_be_built_here_is_said_with_the_line_that_mends_it(
    machine: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    machine.setattr(host_compiler, "absent_headers", lambda gcc, headers: frozenset(headers))
    target = parse_id("ds0.19.8-torch2.13.0-cpu-cp311-linux_x86_64")
    found = survey.survey(target, FACTS, MATRIX.context_of(target, FACTS), tmp_path, tmp_path)
    reason = found.missing["async_io"]
    assert reason.startswith("the header libaio.h is not on this machine; install it with: ")
    assert "libaio" in reason.rpartition(":")[2]
    assert f"  async_io cannot be built: {reason}" in found.as_lines()
    assert found.as_document()["missing"] == {"async_io": reason}


def test_a_named_toolkit_that_is_not_whole_is_an_answer_not_an_end(machine: pytest.MonkeyPatch, tmp_path: Path) -> None:
    machine.setenv(discovery.NAMED_VARIABLE, str(tmp_path))
    found = look(tmp_path)
    assert found.toolkits == ()
    assert "holds no CUDA toolkit" in found.passed_over[0]
