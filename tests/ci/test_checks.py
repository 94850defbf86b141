"""Three independent checkers have nothing to say about the workflows, and each would."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest
import yaml

from scripts.ci.request_form import HEADINGS
from scripts.plan.selection import Selection
from tests.ci.workflows import FILES, FOLDER, actionlint, run, schema, zizmor

pytestmark = pytest.mark.skipif("sys.platform == 'win32'", reason="the checkers' programs do not all run under Wine")
BUILD = (FOLDER / "build.yml").read_text(encoding="utf-8")


def spoiled(folder: Path, before: str, after: str) -> Path:
    """A copy of build.yml with one thing wrong, where the checkers look for workflows."""
    assert BUILD.count(before) >= 1
    file = folder / ".github" / "workflows" / "build.yml"
    file.parent.mkdir(parents=True)
    file.write_text(BUILD.replace(before, after, 1), encoding="utf-8")
    return file


def test_actionlint_finds_nothing() -> None:
    answer = actionlint(*FILES)
    assert (answer.returncode, answer.stdout) == (0, "")


def test_zizmor_finds_nothing() -> None:
    answer = zizmor(FOLDER.parent)
    assert answer.returncode == 0, answer.stdout
    assert "No findings" in answer.stdout


def test_the_workflows_fit_their_schema() -> None:
    answer = schema(*FILES)
    assert answer.returncode == 0, answer.stdout


def test_the_file_that_keeps_the_pins_fresh_fits_its_schema() -> None:
    answer = run("check-jsonschema", "--builtin-schema", "vendor.dependabot", FOLDER.parent / "dependabot.yml")
    assert answer.returncode == 0, answer.stdout


@pytest.mark.parametrize(
    ("schema", "files"), [("github-issue-forms", "[!c]*.yml"), ("github-issue-config", "config.yml")]
)
def test_the_forms_for_issues_fit_their_schema(schema: str, files: str) -> None:
    found = list((FOLDER.parent / "ISSUE_TEMPLATE").glob(files))
    assert found
    answer = run("check-jsonschema", "--builtin-schema", f"vendor.{schema}", *found)
    assert answer.returncode == 0, answer.stdout


def test_a_wheel_is_asked_for_by_the_selectors() -> None:
    form = yaml.safe_load((FOLDER.parent / "ISSUE_TEMPLATE" / "wheel-request.yml").read_text(encoding="utf-8"))
    labels = {part["id"]: part["attributes"]["label"] for part in form["body"] if "id" in part}
    assert {*labels} == {field.name for field in fields(Selection)} - {"id"} | {"detected"}
    assert list(labels.values()) == list(HEADINGS), "what is read"
    assert [part["id"] for part in form["body"] if part.get("validations", {}).get("required")] == ["deepspeed"]


@pytest.mark.parametrize(
    ("before", "after", "finding"),
    [
        ("needs.plan.outputs.matrix", "needs.plan.outputs.matirx", 'property "matirx" is not defined'),
        ("    needs: plan\n", "", 'property "plan" is not defined'),
        ("steps.after.outputs.ops-key", "steps.afterwards.outputs.ops-key", '"afterwards" is not defined'),
        ("runs-on: ubuntu-22.04", "runs-on: windows-2019", "windows-2019"),
        ("timeout-minutes: 20", "timeout-minutes: -1", "timeout-minutes"),
    ],
)
def test_actionlint_would_find_a_mistake(tmp_path: Path, before: str, after: str, finding: str) -> None:
    answer = actionlint(spoiled(tmp_path, before, after))
    assert answer.returncode == 1
    assert finding in answer.stdout


@pytest.mark.parametrize(
    ("before", "after", "finding"),
    [
        ("invoke plan --missing", "invoke plan --id ${{ inputs.id }} --missing", "template-injection"),
        ("de0fac2e4500dabe0009e67214ff5f5447ce83dd # v6.0.2", "v6", "unpinned-uses"),
        (
            "permissions:\n      contents: read\n      issues: read # who comes first\n    outputs",
            "permissions: write-all\n    outputs",
            "excessive-permissions",
        ),
        ("          persist-credentials: false\n", "          fetch-depth: 1\n", "artipacked"),
    ],
)
def test_zizmor_would_find_a_hole(tmp_path: Path, before: str, after: str, finding: str) -> None:
    answer = zizmor(spoiled(tmp_path, before, after).parent.parent)
    assert answer.returncode != 0
    assert finding in answer.stdout


@pytest.mark.parametrize(
    ("before", "after", "finding"),
    [
        ("fail-fast: false", "fail-fast: [1]", "fail-fast"),
        ("runs-on: ubuntu-22.04", "run-on: ubuntu-22.04", "jobs"),
        ("cancel-in-progress: false", "cancel-in-progres: false", "concurrency"),
    ],
)
def test_the_schema_would_find_a_misspelling(tmp_path: Path, before: str, after: str, finding: str) -> None:
    answer = schema(spoiled(tmp_path, before, after))
    assert answer.returncode == 1
    assert finding in answer.stdout
