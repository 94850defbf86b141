"""What of the system is there, and the line that adds what is not."""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from scripts.errors import PrerequisiteError
from scripts.facts.facts import Facts
from scripts.facts.load import load_facts
from scripts.toolchain.gcc import (
    Gcc,
    absent_headers,
    accepted_gcc,
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


# ---------------------------------------------------------------- a tree as pypa's manylinux images have it


def with_toolsets(folder: Path, *majors: int) -> Facts:
    """The facts of a system whose GCC toolsets lie in this folder, as they lie below /opt/rh; these are installed."""
    rows = []
    for row in FACTS.gcc_toolsets:
        program = folder / f"gcc-toolset-{row.major}/root/usr/bin/g++"
        rows.append(replace(row, programs=(str(program),)))
        if row.major in majors:
            program.parent.mkdir(parents=True)
            said = f"case $1 in -dumpversion) echo {row.major}.2.1;; --version) echo 'g++ (GCC) {row.major}.2.1';; esac"
            program.write_text(f"#!/bin/sh\n{said}\n")
            program.chmod(0o755)
    assert [row.programs[1] for row in FACTS.gcc_toolsets][-1] == "/opt/rh/gcc-toolset-11/root/usr/bin/g++"
    return replace(FACTS, gcc_toolsets=tuple(rows))


def usual(major: int) -> Gcc:
    return Gcc(compiler="/usr/bin/g++", version=f"g++ {major}", target="x86_64-redhat-linux", linker="ld", major=major)


@pytest.mark.skipif(sys.platform == "win32", reason="the compilers are scripts of a POSIX shell")
@pytest.mark.parametrize(
    ("found", "newest", "taken"),
    [
        (14, None, 14),
        (14, 14, 14),
        (14, 13, 13),  # CUDA 12.4
        (14, 12, 12),  # CUDA 12.1
        (15, 11, 15),  # CUDA 11.8, and no toolset 11: the gate says so
        (8, None, 13),  # AlmaLinux 8's own, which is older than any torch takes
        (8, 12, 12),
    ],
)
def test_a_toolset_is_taken_where_cuda_refuses_the_usual_compiler(
    found: int, newest: int | None, taken: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CXX", raising=False)
    facts = with_toolsets(tmp_path, 12, 13)
    gcc = accepted_gcc(usual(found), facts, newest)
    assert gcc.major == taken
    if taken == found:
        assert gcc.variables == {}
    else:
        folder = tmp_path / f"gcc-toolset-{taken}/root/usr/bin"
        assert gcc.variables == {
            "CXX": str(folder / "g++"),
            "CC": str(folder / "gcc"),
            "COMPILER_PATH": str(folder),
        }


@pytest.mark.skipif(sys.platform == "win32", reason="the compilers are scripts of a POSIX shell")
def test_a_system_without_g_plus_plus_has_its_newest_toolset_and_cxx_is_never_overruled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = with_toolsets(tmp_path, 11, 13)
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv("CXX", raising=False)
    assert find_gcc(facts).version == "g++ (GCC) 13.2.1"
    monkeypatch.setenv("CXX", str(tmp_path / "gcc-toolset-11/root/usr/bin/g++"))
    assert accepted_gcc(find_gcc(facts), facts, 9).major == 11
    monkeypatch.setenv("CXX", "absent")
    with pytest.raises(PrerequisiteError):
        find_gcc(facts)
