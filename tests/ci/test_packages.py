"""The system packages of a target."""

from __future__ import annotations

import shutil

import pytest

from scripts.ci import packages
from scripts.ci.packages import install_commands
from scripts.errors import PrerequisiteError
from scripts.facts.load import load_facts
from scripts.toolchain.gcc import Gcc
from tests.plan.factories import make_target


def with_program(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    """A machine that has a package manager and no compiler."""
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}" if name == program else None)


def lines(root: bool) -> list[str]:
    return [command.as_shell() for command in install_commands(make_target(), load_facts(), root=root)]


def test_a_linux_target_gets_its_compiler_and_the_headers_of_its_ops(monkeypatch: pytest.MonkeyPatch) -> None:
    with_program(monkeypatch, "apt-get")
    assert lines(root=False) == ["sudo apt-get update", "sudo apt-get install -y g++ libaio-dev"]
    assert lines(root=True) == ["apt-get update", "apt-get install -y g++ libaio-dev"]


def test_only_what_is_missing_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    gcc = Gcc(compiler="/usr/bin/g++", version="g++ 12", target="x86_64-linux-gnu", linker="ld", major=12)
    monkeypatch.setattr(packages, "find_gcc", lambda facts: gcc)
    monkeypatch.setattr(packages, "absent_headers", lambda gcc, headers: frozenset(headers))
    with_program(monkeypatch, "apt-get")
    assert lines(root=True) == ["apt-get update", "apt-get install -y libaio-dev"]
    monkeypatch.setattr(packages, "absent_headers", lambda gcc, headers: frozenset())
    assert lines(root=True) == []


def test_a_cuda_that_refuses_the_compiler_gets_one_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    gcc = Gcc(compiler="/usr/bin/g++", version="g++ 14", target="x86_64-redhat-linux", linker="ld", major=14)
    monkeypatch.setattr(packages, "find_gcc", lambda facts: gcc)
    monkeypatch.setattr(packages, "absent_headers", lambda gcc, headers: frozenset())
    monkeypatch.delenv("CXX", raising=False)
    with_program(monkeypatch, "dnf")
    found = {
        cuda: [line.as_shell() for line in install_commands(make_target(cuda=cuda), load_facts(), root=True)]
        for cuda in ("cpu", "cu118", "cu121", "cu124", "cu128", "cu130")
    }
    assert found == {
        "cpu": [],
        "cu118": ["dnf install -y gcc-toolset-11-gcc-c++"],
        "cu121": ["dnf install -y gcc-toolset-12-gcc-c++"],
        "cu124": ["dnf install -y gcc-toolset-13-gcc-c++"],
        "cu128": [],
        "cu130": [],
    }


def test_a_manager_whose_lists_do_not_age_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with_program(monkeypatch, "dnf")
    assert lines(root=True) == ["dnf install -y gcc-c++ libaio-devel"]


def test_a_windows_image_has_everything() -> None:
    assert install_commands(make_target(platform="win_amd64"), load_facts()) == ()


def test_a_machine_without_a_known_package_manager_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with_program(monkeypatch, "")
    with pytest.raises(PrerequisiteError, match="no known package manager"):
        lines(root=True)
