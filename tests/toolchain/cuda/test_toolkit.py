"""A toolkit counts when all that an extension needs is there and its nvcc runs; what is missing is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.errors import PrerequisiteError
from scripts.facts.load import load_facts
from scripts.toolchain.cuda.toolkit import Toolkit, ask_compiler, examine, missing_files
from tests.toolchain.stand_in import SYSTEM, make_toolkit, nvcc_bytes, program_bytes, write_files

FACTS = load_facts()


def look(root: Path) -> Toolkit:
    return examine(root, "folder", FACTS, SYSTEM)


def test_a_whole_toolkit_says_its_versions_by_running_its_compiler(tmp_path: Path) -> None:
    toolkit = look(make_toolkit(tmp_path / "a folder", "12.4.131"))
    assert (toolkit.version, toolkit.nvcc) == ("12.4", "12.4.131")
    assert (toolkit.include / "cuda_runtime_api.h").is_file()
    assert any(toolkit.libraries.glob("*cudart*"))
    assert toolkit.compiler.is_file()


@pytest.mark.parametrize("name", FACTS.toolkit_components)
def test_a_toolkit_without_one_component_is_refused_and_the_component_named(tmp_path: Path, name: str) -> None:
    root = make_toolkit(tmp_path, without=name)
    with pytest.raises(PrerequisiteError, match=r"lacks|holds no CUDA toolkit") as caught:
        look(root)
    assert name == "nvcc" or FACTS.toolkit_components[name].what in str(caught.value)


@pytest.mark.parametrize("system", ["windows", "linux"])
def test_every_missing_file_is_named(tmp_path: Path, system: str) -> None:
    lacking = missing_files(tmp_path, FACTS.toolkit_components, system)
    assert [row.name for row, _ in lacking] == list(FACTS.toolkit_components)
    assert all(files == list(row.files[system]) for row, files in lacking)


@pytest.mark.parametrize("system", ["windows", "linux"])
def test_a_whole_toolkit_of_either_system_is_known_as_whole(tmp_path: Path, system: str) -> None:
    assert missing_files(make_toolkit(tmp_path, system=system), FACTS.toolkit_components, system) == []


def test_cub_and_thrust_count_in_the_place_of_either_major(tmp_path: Path) -> None:
    root = make_toolkit(tmp_path)
    (root / "include" / "cccl").mkdir()
    for name in ("cub", "thrust"):
        (root / "include" / name).rename(root / "include" / "cccl" / name)
    assert look(root).version == "12.4"


def test_a_compiler_that_ends_in_an_error_does_not_count(tmp_path: Path) -> None:
    toolkit = make_toolkit(tmp_path)
    compiler = look(toolkit).compiler
    write_files(tmp_path, {compiler.relative_to(tmp_path).as_posix(): nvcc_bytes(exit_code=3)})
    with pytest.raises(PrerequisiteError, match="exit code 3"):
        look(toolkit)


def test_a_compiler_that_says_no_version_does_not_count(tmp_path: Path) -> None:
    program = tmp_path / "nvcc.exe"
    write_files(tmp_path, {program.name: program_bytes("hello\n")})
    with pytest.raises(PrerequisiteError, match=r"does not say its version .*hello"):
        ask_compiler(program)


def test_a_file_that_is_no_program_does_not_count(tmp_path: Path) -> None:
    program = tmp_path / "nvcc.exe"
    write_files(tmp_path, {program.name: b"\x7fELF no more"})
    with pytest.raises(PrerequisiteError, match=r"nvcc\.exe does not"):
        ask_compiler(program)


def test_the_identity_changes_with_the_compiler_and_with_the_headers(tmp_path: Path) -> None:
    one = look(make_toolkit(tmp_path / "1", "12.4.131")).identity()
    assert look(make_toolkit(tmp_path / "2", "12.4.131")).identity() == one
    other = make_toolkit(tmp_path / "3", "12.4.131")
    (other / "include" / "curand.h").write_bytes(b"another")
    assert look(other).identity()["nvcc"] == one["nvcc"]
    assert look(other).identity() != one
    assert look(make_toolkit(tmp_path / "4", "12.4.99")).identity()["nvcc"] == "12.4.99"
