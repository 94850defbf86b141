"""What of the system is there, and the line that adds what is not."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from scripts.errors import PrerequisiteError
from scripts.facts.load import load_facts
from scripts.toolchain.gcc import (
    absent_headers,
    find_gcc,
    install_line,
    missing_message,
    require_python_headers,
)

FACTS = load_facts()
needs_gcc = pytest.mark.skipif(not shutil.which("g++"), reason="no g++ on this machine")


def only_programs(folder: Path, monkeypatch: pytest.MonkeyPatch, *programs: str) -> None:
    """Make a PATH that holds just these (empty) programs."""
    for program in programs:
        (folder / program).write_text("#!/bin/sh\n")
        (folder / program).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


@needs_gcc
def test_the_compiler_names_itself_and_its_linker() -> None:
    gcc = find_gcc(FACTS)
    assert Path(gcc.compiler).is_file()
    assert gcc.identity().keys() == {"compiler", "target", "linker"}
    assert all(gcc.identity().values())


@needs_gcc
def test_the_compiler_that_cxx_names_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "my-g++"
    own.write_text(f'#!/bin/sh\nexec {shutil.which("g++")} "$@"\n')
    own.chmod(0o755)
    monkeypatch.setenv("CXX", str(own))
    assert find_gcc(FACTS).compiler == str(own)


@needs_gcc
def test_an_empty_cxx_is_no_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "")
    assert find_gcc(FACTS).compiler == shutil.which("g++")


@pytest.mark.skipif(sys.platform == "win32", reason="a file without an ending is no program there")
@pytest.mark.parametrize(("manager", "package"), [("apt-get", "g++"), ("dnf", "gcc-c++"), ("pacman", "gcc")])
def test_without_a_compiler_the_package_and_the_command_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, manager: str, package: str
) -> None:
    monkeypatch.delenv("CXX", raising=False)
    only_programs(tmp_path, monkeypatch, manager)
    with pytest.raises(PrerequisiteError) as caught:
        find_gcc(FACTS)
    assert str(caught.value).startswith("a C++ compiler (g++) is missing; install it with: sudo ")
    assert manager in str(caught.value)
    assert str(caught.value).endswith(f" {package}")


def test_without_a_known_package_manager_every_line_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    only_programs(tmp_path, monkeypatch)
    lines = missing_message("compiler", FACTS).split(": ", 1)[1].split(" | ")
    assert len(lines) == len(FACTS.needs["compiler"].packages)
    assert not [line for line in lines if "{" in line]


def test_several_packages_come_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    only_programs(tmp_path, monkeypatch, "apt-get")
    assert install_line({"apt": ("one", "two")}, FACTS.managers) == "sudo apt-get install -y one two"


def test_every_need_has_packages_of_known_managers() -> None:
    assert FACTS.needs
    for need in FACTS.needs.values():
        assert need.packages, need.name
        assert need.packages.keys() <= FACTS.managers.keys(), need.name


@needs_gcc
def test_headers_are_found_where_the_compiler_looks(tmp_path: Path) -> None:
    (tmp_path / "own.h").write_text("#pragma once\n")
    gcc = find_gcc(FACTS)
    wanted = ["vector", "no/such/header.h", "own.h"]
    assert absent_headers(gcc, wanted) == {"no/such/header.h", "own.h"}
    assert absent_headers(gcc, wanted, [str(tmp_path)]) == {"no/such/header.h"}
    assert absent_headers(gcc, []) == frozenset()


@needs_gcc
def test_missing_python_headers_are_said_before_anything_is_built(tmp_path: Path) -> None:
    with pytest.raises(PrerequisiteError, match=r"Python\.h"):
        require_python_headers(find_gcc(FACTS), str(tmp_path), FACTS)
    (tmp_path / "Python.h").write_text("")
    require_python_headers(find_gcc(FACTS), str(tmp_path), FACTS)
    assert (tmp_path / "Python.h").exists()
