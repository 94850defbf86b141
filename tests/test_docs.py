"""The documents say what is so: tasks, options, exit codes, data, links, rooms and the examples of the README."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from doctest import ELLIPSIS, OutputChecker
from pathlib import Path

import pytest
import yaml
from invoke.collection import Collection

import tasks
from scripts import errors
from scripts.commands.command_task import CommandTask
from scripts.commands.parts_summary import with_summary
from scripts.commands.reference import error_page, raised_ids, read_errors, with_tables
from scripts.commands.verify_page import VERIFY_PAGE, verify_page
from scripts.facts import condition
from scripts.options import options_of
from scripts.plan.matrix import Matrix
from scripts.plan.selection import Selection

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md")), ROOT / "wheels" / "README.md"]
README, REFERENCE, DESIGN = (ROOT / name for name in ("README.md", "docs/reference.md", "docs/design.md"))
DATA = sorted(path.name for path in (ROOT / "scripts" / "data").glob("*.yaml"))
EXIT_CODES = {
    name: kind.exit_code
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, errors.WheelsError)
}
LINE = "python -m pip install -r {file} && invoke {task}"
FILES = {"build": "requirements-run.txt", "test": "requirements.txt"}
COMMANDS = {name: task for name, task in vars(tasks).items() if isinstance(task, CommandTask)}
TASKS = {context.name: context for context in Collection.from_module(tasks).to_contexts()}


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def section(document: Path, heading: str) -> str:
    """What stands under `heading`, up to the next heading of its rank or a higher one."""
    rank = heading.split(" ")[0]
    match = re.search(rf"^{re.escape(heading)}\n(.*?)(?=^#{{1,{len(rank)}}} |\Z)", text_of(document), re.M | re.S)
    assert match, f"{document.name} has no {heading!r}"
    return match[1]


def table_rows(text: str) -> Iterator[list[str]]:
    """The cells of each table row but the heads."""
    for line in text.splitlines():
        if line.startswith("|") and not set(line) <= set("|- "):
            yield [cell.strip() for cell in line.strip("|").split(" | ")]


def quoted(text: str) -> set[str]:
    return set(re.findall(r"`([^`]+)`", text))


def anchors(document: Path) -> set[str]:
    """The places of a document that a link can name, as GitHub makes them from headings."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```", "", text_of(document), flags=re.M | re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


# ---------------------------------------------------------------- tasks


def test_the_reference_has_every_task_and_no_other() -> None:
    assert set(re.findall(r"^### `invoke ([\w-]+)`$", text_of(REFERENCE), re.M)) == set(TASKS)


@pytest.mark.parametrize("name", TASKS)
def test_the_reference_has_every_option_of_a_task_and_no_other(name: str) -> None:
    context = TASKS[name]
    named = set(
        re.findall(r"--[a-z][a-z-]*", "".join(row[0] for row in table_rows(section(REFERENCE, f"### `invoke {name}`"))))
    )
    inverse = {str(flag): str(option) for flag, option in context.inverse_flags.items()}
    assert {inverse.get(option, option) for option in named} == {
        flag for flag in (*context.flags, *context.flags.aliases) if flag.startswith("--")
    }


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_invoke_line_names_a_task_and_its_options(document: Path) -> None:
    for task, words in re.findall(r"^(?:\$ )?invoke (\w+)(.*)$", text_of(document), re.M):
        known = {*TASKS[task].flags, *TASKS[task].inverse_flags}
        assert set(re.findall(r"--[a-z][a-z-]*", words)) <= known, f"invoke {task}{words}"


def test_the_tables_of_the_tasks_are_those_of_their_options() -> None:
    """`python -m scripts.commands.reference` writes them."""
    assert with_tables(text_of(REFERENCE), COMMANDS) == text_of(REFERENCE)


def test_the_page_of_the_errors_is_that_of_the_code() -> None:
    assert error_page() == text_of(ROOT / "docs" / "errors.md")


def test_the_page_of_the_verification_is_that_of_its_parts() -> None:
    assert text_of(VERIFY_PAGE) == verify_page()


def test_the_readme_says_how_each_part_of_the_newest_release_ended() -> None:
    """`python -m scripts.commands.reference` writes it."""
    assert text_of(README) == with_summary(text_of(README))


def test_every_id_of_an_error_is_explained_once_and_every_explained_id_is_raised() -> None:
    assert sorted(read_errors()) == sorted(raised_ids())


def test_an_id_names_every_exit_code_that_it_is_raised_with() -> None:
    """Also one that is either side of a condition, and one of a class that is derived elsewhere."""
    assert raised_ids()["archive-damaged"] == {errors.SourceError, errors.PrerequisiteError}
    assert raised_ids()["download-not-found"] == {errors.PrerequisiteError}


def test_selectors_are_those_of_plan_and_build() -> None:
    selectors = set(re.findall(r"--[a-z]+", "".join(row[0] for row in table_rows(section(REFERENCE, "## Selectors")))))
    assert selectors == {each.flag for each in options_of(Selection)}


# ---------------------------------------------------------------- errors, variables, data


@pytest.mark.parametrize(("document", "heading"), [(REFERENCE, "## Exit codes"), (DESIGN, "## Errors")])
def test_every_error_class_stands_beside_its_exit_code(document: Path, heading: str) -> None:
    rows = [row for row in table_rows(section(document, heading)) if row[0].isdigit()]
    assert {row[1].strip("`"): int(row[0]) for row in rows} == EXIT_CODES


def test_every_variable_of_ours_is_in_the_reference() -> None:
    sources = (text_of(path) for path in (ROOT / "scripts").rglob("*.py"))
    used = {name for source in sources for name in re.findall(r"DEEPSPEED_WHEELS_[A-Z_]+", source)}
    named = {name for name in quoted(section(REFERENCE, "## Environment variables")) if name.startswith("DEEPSPEED_")}
    assert named == used


def test_every_data_file_has_its_tables_in_the_reference() -> None:
    named: dict[str, set[str]] = {}
    file = ""
    for row in table_rows(section(REFERENCE, "## Data files")):
        file = row[0].strip("`") or file
        named.setdefault(file, set()).update(quoted(row[1]))
    tables = {name: set(yaml.safe_load(text_of(ROOT / "scripts" / "data" / name))) for name in DATA}
    assert {name: found for name, found in named.items() if name.endswith(".yaml")} == tables


def test_every_key_of_the_matrix_is_in_the_reference() -> None:
    rows = table_rows(section(REFERENCE, "## matrix.yaml"))
    assert {row[0].strip("`") for row in rows} - {"key"} == {field.name for field in fields(Matrix)}


def test_every_name_of_a_condition_is_in_the_reference() -> None:
    rows = {row[0]: quoted(row[2]) for row in table_rows(section(REFERENCE, "## Conditions"))}
    for kind, names in (("version", condition.VERSIONS), ("text", condition.TEXTS), ("flag", condition.FLAGS)):
        assert names <= rows[kind]


# ---------------------------------------------------------------- rooms


def test_the_rooms_of_the_design_exist() -> None:
    named = [cells[0].strip("`") for cells in table_rows(section(DESIGN, "## Packages")) if "`" in cells[0]]
    assert named
    assert [room for room in named if not (ROOT / room).exists()] == []


def test_the_design_has_every_room() -> None:
    rooms = {f"scripts/{path.parent.name}/" for path in (ROOT / "scripts").glob("*/__init__.py")}
    modules = {f"scripts/{path.name}" for path in (ROOT / "scripts").glob("*.py")} - {"scripts/__init__.py"}
    named = {cells[0].strip("`") for cells in table_rows(section(DESIGN, "## Packages"))}
    assert rooms | modules <= named


# ---------------------------------------------------------------- the README


@pytest.mark.parametrize("task", ["build", "test"])
def test_the_readme_has_the_line_that_does_it_all(task: str) -> None:
    assert LINE.format(task=task, file=FILES[task]) in text_of(README).splitlines()


@pytest.mark.skipif(sys.platform == "win32", reason="CI runs on Linux; bash here may be another one")
def test_ci_runs_the_test_line_of_the_readme() -> None:
    bash = shutil.which("bash")
    assert bash
    script = text_of(ROOT / ".ci" / "run")
    reading = next(line for line in script.splitlines() if line.startswith("line="))
    told = subprocess.run(
        [bash, "-c", f'{reading}; echo "$line"'], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == LINE.format(task="test", file=FILES["test"])
    assert "start lint invoke lint >" in script
    assert '"") part tests eval "$line" ||' in script
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def examples() -> list[tuple[str, str]]:
    """Each example of the README: what is typed, and what is shown."""
    blocks = re.findall(r"^```console\n\$ (.+?)\n(.*?)^```", text_of(README), re.M | re.S)
    return [(typed, shown) for typed, shown in blocks]


@pytest.mark.parametrize(("typed", "shown"), examples(), ids=[typed for typed, _ in examples()])
def test_an_example_of_the_readme_shows_what_is_printed(typed: str, shown: str, tmp_path: Path) -> None:
    """As printed, but for what `...` stands for."""
    env = {**os.environ, "DEEPSPEED_WHEELS_OUTPUT": str(tmp_path)}  # no builds: their minutes would be shown
    argv = [sys.executable, "-m", *typed.split()]
    ran = subprocess.run(
        argv, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert OutputChecker().check_output(shown, ran.stdout, ELLIPSIS), ran.stdout


# ---------------------------------------------------------------- links


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(document: Path) -> None:
    for path, _, anchor in (link.partition("#") for link in re.findall(r"\]\(([^)]+)\)", text_of(document))):
        if path.startswith("https:"):
            continue
        place = (document.parent / path).resolve() if path else document
        assert place.exists(), f"{document.name} links to {path}"
        assert not anchor or anchor in anchors(place), f"{document.name} links to {path}#{anchor}"


def test_the_walk_through_a_build_names_each_module_once() -> None:
    walk = section(DESIGN, "### The same, module by module")
    named = re.findall(r"`([a-z_/]+\.py)`", walk)
    assert sorted(named) == sorted(set(named))
    assert [name for name in named if not (ROOT / "scripts" / name).is_file()] == []
    modules = {path.relative_to(ROOT / "scripts").as_posix() for path in (ROOT / "scripts/wheel_build").rglob("*.py")}
    assert {name for name in modules if not name.endswith("__init__.py")} <= set(named)
    assert len(re.findall(r"^[0-9]+\. ", walk, re.M)) == 10
