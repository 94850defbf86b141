"""A toolkit of this machine is found in the order that docs/cuda.md promises; what does not count says why."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from scripts.errors import PrerequisiteError
from scripts.facts.load import load_facts
from scripts.toolchain.cuda import discovery
from scripts.toolchain.cuda.discovery import NAMED_VARIABLE, ToolkitCandidate, candidates, find_toolkits, named_toolkit
from tests.toolchain.stand_in import SYSTEM, make_toolkit

FACTS = load_facts()
PLACES = ("CUDA_PATH_V12_4", "CUDA_PATH", "CUDA_HOME", "ProgramW6432", "ProgramFiles", NAMED_VARIABLE)


@pytest.fixture(autouse=True)
def bare_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable and no registry entry of this machine."""
    for name in PLACES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(discovery, "registry_folders", lambda key: [])


def told(version: str, system: str, unix: Path) -> list[tuple[str, str]]:
    return [(one.source, one.root.as_posix()) for one in candidates(version, system, unix)]


def test_the_order_on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "registry_folders", lambda key: ["R:/cuda"] if key.endswith(r"\CUDA\v12.4") else [])
    for name in ("CUDA_PATH_V12_4", "CUDA_PATH", "CUDA_HOME", "CUDA_PATH_V12_1"):
        monkeypatch.setenv(name, f"/{name}")
    monkeypatch.setenv("ProgramFiles", "P:/Program Files")
    assert told("12.4", "windows", Path("/usr/local")) == [
        ("variable", "/CUDA_PATH_V12_4"),
        ("variable", "/CUDA_PATH"),
        ("variable", "/CUDA_HOME"),
        ("registry", "R:/cuda"),
        ("folder", "P:/Program Files/NVIDIA GPU Computing Toolkit/CUDA/v12.4"),
    ]


def test_the_order_on_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_HOME", "/opt/cuda")
    assert told("12.4", "linux", Path("/usr/local")) == [
        ("variable", "/opt/cuda"),
        ("folder", "/usr/local/cuda-12.4"),
        ("folder", "/usr/local/cuda"),
    ]


def test_the_64_bit_program_files_count_for_a_32_bit_prompt_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ProgramFiles", "P:/Program Files (x86)")
    monkeypatch.setenv("ProgramW6432", "P:/Program Files")
    assert told("12.4", "windows", Path())[0][1].startswith("P:/Program Files/NVIDIA")


def test_the_variable_of_the_version_wins_over_the_general_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_PATH", str(make_toolkit(tmp_path / "general", "12.4.99")))
    monkeypatch.setenv("CUDA_PATH_V12_4", str(make_toolkit(tmp_path / "own", "12.4.131")))
    found, passed = find_toolkits("12.4", FACTS, SYSTEM, unix=tmp_path / "none")
    assert [toolkit.nvcc for toolkit in found] == ["12.4.131", "12.4.99"]
    assert passed == []


def test_another_version_is_passed_over_with_its_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_PATH", str(make_toolkit(tmp_path / "a", "12.1.105")))
    monkeypatch.setenv("CUDA_HOME", str(make_toolkit(tmp_path / "b", "12.4.131")))
    found, passed = find_toolkits("12.4", FACTS, SYSTEM, unix=tmp_path / "none")
    assert [toolkit.root for toolkit in found] == [tmp_path / "b"]
    assert [(one.candidate.told_by, one.reason) for one in passed] == [
        ("CUDA_PATH", f"{tmp_path / 'a'} is CUDA 12.1, not 12.4")
    ]


def test_of_another_version_nobody_is_told_what_it_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_HOME", str(make_toolkit(tmp_path / "a", "13.0.88", without="cublas")))
    _, passed = find_toolkits("12.9", FACTS, SYSTEM, unix=tmp_path / "none")
    assert [one.reason for one in passed] == [f"{tmp_path / 'a'} is CUDA 13.0, not 12.9"]


def test_an_incomplete_one_is_passed_over_with_what_it_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_PATH", str(make_toolkit(tmp_path / "a", without="curand")))
    found, passed = find_toolkits("12.4", FACTS, SYSTEM, unix=tmp_path / "none")
    assert found == []
    assert "the CUDA toolkit in" in passed[0].reason
    assert "lacks cuRAND" in passed[0].reason
    assert "curand_kernel.h" in passed[0].reason


def test_a_variable_that_leads_nowhere_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_PATH_V12_4", str(tmp_path / "gone"))
    found, passed = find_toolkits("12.4", FACTS, SYSTEM, unix=tmp_path / "none")
    assert found == []
    assert [one.candidate.told_by for one in passed] == ["CUDA_PATH_V12_4"]
    assert "holds no CUDA toolkit" in passed[0].reason


def test_a_usual_place_without_anything_is_not_worth_a_word(tmp_path: Path) -> None:
    assert find_toolkits("12.4", FACTS, SYSTEM, unix=tmp_path / "none") == ([], [])


def test_a_folder_that_several_name_is_asked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = make_toolkit(tmp_path / "a", without="nvtx")
    for name in ("CUDA_PATH_V12_4", "CUDA_PATH", "CUDA_HOME"):
        monkeypatch.setenv(name, str(root))
    assert len(find_toolkits("12.4", FACTS, SYSTEM, unix=tmp_path / "none")[1]) == 1


@pytest.mark.skipif(SYSTEM == "windows", reason="a place of Linux")
def test_toolkits_of_usr_local_are_found_the_versioned_one_first(tmp_path: Path) -> None:
    make_toolkit(tmp_path / "cuda-12.4", "12.4.131")
    (tmp_path / "cuda").symlink_to(make_toolkit(tmp_path / "cuda-13.0", "13.0.88"))
    found, passed = find_toolkits("12.4", FACTS, SYSTEM, unix=tmp_path)
    assert [(one.root.name, one.source) for one in found] == [("cuda-12.4", "folder")]
    assert [one.candidate.root.name for one in passed] == ["cuda"]
    assert find_toolkits("13.0", FACTS, SYSTEM, unix=tmp_path)[0][0].root == tmp_path / "cuda-13.0"


def test_a_toolkit_of_program_files_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = make_toolkit(tmp_path / "NVIDIA GPU Computing Toolkit" / "CUDA" / "v12.4", system="windows")
    monkeypatch.setenv("ProgramFiles", str(tmp_path))
    found = list(candidates("12.4", "windows", Path()))
    assert found == [ToolkitCandidate(root=root, source="folder", told_by="ProgramFiles")]


# ---------------------------------------------------------------- named by the user


def test_a_named_toolkit_may_be_of_any_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAMED_VARIABLE, str(make_toolkit(tmp_path, "11.8.89")))
    toolkit = named_toolkit(FACTS, SYSTEM)
    assert toolkit
    assert (toolkit.version, toolkit.source) == ("11.8", "named")


def test_a_named_toolkit_must_be_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAMED_VARIABLE, str(make_toolkit(tmp_path, without="cccl")))
    with pytest.raises(PrerequisiteError, match="lacks cub and thrust"):
        named_toolkit(FACTS, SYSTEM)


def test_no_toolkit_is_named_without_the_variable() -> None:
    assert named_toolkit(FACTS, SYSTEM) is None


# ---------------------------------------------------------------- the registry


def test_what_the_installer_wrote_into_the_registry_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    key = r"SOFTWARE\NVIDIA Corporation\GPU Computing Toolkit\CUDA\v12.4"
    written = {key: {"InstallDir": r"C:\CUDA\v12.4", "Version": "12.4"}}
    monkeypatch.setattr(discovery, "registry_values", lambda asked: written.get(asked, {}))
    assert discovery.registry_folders(key) == [r"C:\CUDA\v12.4"]
    assert discovery.registry_folders(key.replace("12.4", "12.6")) == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has one")
def test_a_machine_without_a_registry_has_no_entries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert discovery.registry_folders("SOFTWARE") == []
