"""What a step of a workflow knows of itself, and what it hands on."""

from __future__ import annotations

import io
from pathlib import Path
from typing import cast

import pytest
from rich.text import Text

from scripts.ci.actions import annotation, shrink_is_allowed, site_address, this_step
from scripts.console import PlainConsole
from scripts.errors import InputError
from scripts.outgoing import printable

STEP = {"GITHUB_ACTIONS": "true", "GITHUB_REPOSITORY": "Someone/Wheels", "GITHUB_RUN_ID": "7"}


def test_outside_of_a_workflow_there_is_no_step() -> None:
    assert this_step({}) is None
    assert site_address({}) == ""


@pytest.mark.parametrize(("word", "allowed"), [("true", True), ("false", False), ("", False)])
def test_a_box_of_the_form_is_ticked_or_not(word: str, allowed: bool) -> None:
    assert shrink_is_allowed({"DEEPSPEED_WHEELS_ALLOW_SHRINK": word}) is allowed
    assert shrink_is_allowed({}) is False
    with pytest.raises(InputError, match="give true or false"):
        shrink_is_allowed({"DEEPSPEED_WHEELS_ALLOW_SHRINK": f"{word}?"})


def test_a_step_knows_the_page_of_its_run() -> None:
    step = this_step(STEP)
    assert step
    assert step.run_url == "https://github.com/Someone/Wheels/actions/runs/7"


def test_outputs_and_summary_are_added_to_what_is_there(tmp_path: Path) -> None:
    outputs, summary = tmp_path / "outputs", tmp_path / "summary"
    outputs.write_bytes(b"first=1\n")
    step = this_step({**STEP, "GITHUB_OUTPUT": str(outputs), "GITHUB_STEP_SUMMARY": str(summary)})
    assert step
    step.set_outputs({"matrix": '{"include": []}', "jobs": "0"})
    step.add_summary("### ü\n")
    assert outputs.read_bytes() == b'first=1\nmatrix={"include": []}\njobs=0\n'
    assert summary.read_text(encoding="utf-8") == "### ü\n"


@pytest.mark.parametrize(
    ("repository", "variable", "address"),
    [
        ("Someone/Wheels", "", "https://someone.github.io/wheels/"),
        ("someone/someone.github.io", "", "https://someone.github.io/"),
        ("someone/wheels", "https://wheels.example", "https://wheels.example/"),
    ],
)
def test_the_site_is_the_repositorys_page_unless_it_has_an_address_of_its_own(
    repository: str, variable: str, address: str
) -> None:
    env = {**STEP, "GITHUB_REPOSITORY": repository, "DEEPSPEED_WHEELS_SITE": variable}
    assert site_address(env) == address


def test_an_annotation_keeps_its_lines_and_breaks_out_of_nothing() -> None:
    line = annotation("error", "a: b, c", "50% of\n::warning::x")
    assert line == "::error title=a%3A b%2C c::50%25 of%0A::warning::x"


FOREIGN = [
    "::set-env name=PATH::/tmp",
    "  ::add-mask::a",
    "\u3000::error::x",
    "a\n::stop-commands::y",
    "x ##[command]y",
]


@pytest.mark.parametrize("text", FOREIGN)
def test_what_a_program_prints_is_no_order_to_the_runner(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    console = PlainConsole(file=io.StringIO(), width=200)
    console.print(text)
    console.print(Text(text))
    said = [printable(text), cast(io.StringIO, console.file).getvalue()]
    assert not [line for each in said for line in each.splitlines() if line.strip().startswith("::") or "##[" in line]


def test_a_compilers_line_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    line = "a.cpp:1:2: error: 'std::mutex' in namespace ::std has no [with T = float]"
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert printable(line) == line
    monkeypatch.delenv("GITHUB_ACTIONS")
    assert printable("::error::x") == "::error::x", "nobody obeys it elsewhere"
