"""pyproject.toml, the requirements files and the changelog agree; running needs what is imported, and no more."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
RUN, ALL = ROOT / "requirements-run.txt", ROOT / "requirements.txt"
PUBLISH = ROOT / "requirements-publish.txt"
USUAL = (ROOT / ".github" / "python" / "usual").read_text(encoding="utf-8").strip()
ELSEWHERE = ("inside", "suite")  # folders whose modules run in other environments
PROGRAMS = {"nox", "uv", "virtualenv", "invoke"}  # what is called, not imported


def lines_of(file: Path) -> list[str]:
    lines = (line.strip() for line in file.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def names_in(file: Path) -> set[str]:
    return {canonicalize_name(Requirement(line).name) for line in lines_of(file) if not line.startswith("-r ")}


def imported(path: Path) -> Iterator[str]:
    """The first part of every module that is imported, wherever the import stands."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.split(".")[0]


def imports() -> set[str]:
    """Every package of others that `scripts`, tasks.py and noxfile.py import, without our own modules."""
    modules = [path for path in (ROOT / "scripts").rglob("*.py") if not {*path.parts} & {*ELSEWHERE}]
    found = {name for path in (*modules, ROOT / "tasks.py", ROOT / "noxfile.py") for name in imported(path)}
    return found - sys.stdlib_module_names - {"scripts", "tasks"}


def test_what_the_scripts_import_is_in_the_requirements_for_running_and_nothing_else() -> None:
    owners = packages_distributions()
    needed = {name: {canonicalize_name(owner) for owner in owners.get(name, [name])} for name in imports()}
    asked = names_in(RUN)
    assert {name for name, found in needed.items() if not found & asked} == set()
    assert asked - set().union(*needed.values()) <= PROGRAMS


def project() -> dict[str, Any]:
    """pyproject.toml, read by what Python has from 3.11 on."""
    document: dict[str, Any] = pytest.importorskip("tomllib").loads(
        (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    )
    return document


def group(name: str) -> list[str]:
    """The requirements of a dependency group of pyproject.toml, those of the groups that it includes left out."""
    return [line for line in project()["dependency-groups"][name] if isinstance(line, str)]


def test_the_requirements_files_hold_the_dependency_groups() -> None:
    assert lines_of(RUN) == group("run")
    assert lines_of(ALL) == ["-r requirements-run.txt", *sorted([*group("test"), *group("lint")], key=str.casefold)]


def pins() -> dict[str, tuple[str, list[str]]]:
    """Version and hashes of every pinned package, by its name."""
    found: dict[str, tuple[str, list[str]]] = {}
    for line in PUBLISH.read_text(encoding="utf-8").splitlines():
        if match := re.match(r"([\w.-]+)==(\S+) \\$", line):
            name = canonicalize_name(match[1])
            found[name] = (match[2], [])
        elif match := re.match(r"    --hash=sha256:([0-9a-f]{64})( \\)?$", line):
            found[name][1].append(match[1])
        else:
            assert line.lstrip().startswith("#"), line
    return found


def test_what_publishing_installs_is_pinned_by_hash_and_in_step_with_what_running_needs() -> None:
    pinned = pins()
    assert pinned
    assert all(hashes for _, hashes in pinned.values())
    on_the_runner = {"sys_platform": "linux", "platform_machine": "x86_64", "python_version": USUAL}
    for requirement in map(Requirement, lines_of(RUN)):
        if requirement.marker is None or requirement.marker.evaluate(on_the_runner):
            assert pinned[canonicalize_name(requirement.name)][0] in requirement.specifier, requirement


def test_nothing_is_pinned_for_publishing_that_nothing_there_needs() -> None:
    text = PUBLISH.read_text(encoding="utf-8")
    needers = {
        word for line in re.findall(r"^    # via (.+)|^    #   (.+)", text, re.MULTILINE) for word in line if word
    }
    assert {word for word in needers if not word.startswith("-r ")} <= {*pins()}
    assert "-r requirements-run.txt" in needers
    assert len(re.findall(r"^    # via", text, re.MULTILINE)) == len(pins()), "each says who needs it"


def test_the_pins_are_for_the_python_of_the_tools_and_name_no_registry() -> None:
    text = PUBLISH.read_text(encoding="utf-8")
    assert f"--python-version {USUAL} " in text
    assert not re.search(r"https?://|--(extra-)?index-url|--find-links", text)


def test_one_line_installs_everything() -> None:
    assert "-r requirements-run.txt" in lines_of(ALL)
    assert {"pytest", "mypy", "ruff"} <= names_in(ALL)
    assert names_in(ALL) & names_in(RUN) == set()


def test_the_changelog_has_the_entries_of_this_version() -> None:
    headings = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert headings[:2] == ["Unreleased", project()["project"]["version"]]
