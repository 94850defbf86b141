"""The door for YAML: every fault is named with its key path and its cure, and none hides another."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

from scripts.schema.readers import (
    Optional,
    Problems,
    Reader,
    choice,
    day,
    flag,
    integer,
    keyed,
    listed,
    mapped,
    number,
    source,
    specifiers,
    table,
    text,
    version,
)
from scripts.schema.yaml_document import read_document


@dataclass(frozen=True, kw_only=True)
class Row:
    name: str
    versions: SpecifierSet
    note: str | None
    source: tuple[str, ...]


ROW = keyed(Row, name=version, versions=specifiers(["2.6.0"]), note=Optional(text), source=source)
ROWS = keyed(dict[str, object], rows=table("name", ROW))
GOOD = 'rows:\n  "3.10": {versions: ">=2.6", source: [notes, owner/repo#12, "#3", example.org/page]}\n'


def read(tmp_path: Path, content: str, reader: Reader[object] = ROWS) -> tuple[object, list[str]]:
    path = tmp_path / "torch.yaml"
    path.write_text(content, encoding="utf-8")
    problems = Problems({"notes"})
    return reader(read_document(path, problems), "torch.yaml:", problems), list(problems)


def test_a_good_document_becomes_records(tmp_path: Path) -> None:
    rows, problems = read(tmp_path, GOOD)
    expected = Row(
        name="3.10",
        versions=SpecifierSet(">=2.6"),
        note=None,
        source=("notes", "owner/repo#12", "#3", "example.org/page"),
    )
    assert problems == []
    assert rows == {"rows": {"3.10": expected}}


FAULTS = {
    "duplicate key": (GOOD + GOOD.removeprefix("rows:\n"), 'rows["3.10"]: the key is there twice, again in line 3'),
    "unknown key": (GOOD.replace("versions:", "note: x, colour: red, versions:"), 'rows["3.10"].colour: unknown key'),
    "missing key": (GOOD.replace('versions: ">=2.6", ', ""), "rows[\"3.10\"]: the key 'versions' is missing; add it"),
    "missing source": (GOOD.replace(", source: [", ", note: x} #"), "name where the fact comes from"),
    "empty source": (GOOD.replace("source: [", "source: [] } #"), '["3.10"].source: is empty'),
    "unknown source": (GOOD.replace("notes,", "note,"), "source[0]: 'note' is not known; add it to sources.yaml"),
    "unquoted key": (
        GOOD.replace('"3.10"', "3.10"),
        'rows["3.10"]: the key 3.10 is not text to YAML; write it in quotes',
    ),
    "unquoted text": (
        GOOD.replace("versions:", "note: 3.10, versions:"),
        "note: 3.10 is a number to YAML; write it in",
    ),
    "no range": (GOOD.replace(">=2.6", "about 2.6"), "versions: 'about 2.6' is not a version range"),
    "dead range": (GOOD.replace(">=2.6", ">=9"), "versions: '>=9' matches no known version"),
    "no mapping": ("rows: [1]\n", "rows: a list where a mapping is expected"),
    "no row": ('rows: {"3.10": yes}\n', 'rows["3.10"]: yes or no where a mapping is expected'),
    "no version": (GOOD.replace("3.10", "three"), "rows.three.name: 'three' is not a version"),
    "not YAML": ("rows: {\n", "torch.yaml:2: is not YAML"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named_with_its_key_path_and_cure(tmp_path: Path, fault: str) -> None:
    content, message = FAULTS[fault]
    _, problems = read(tmp_path, content)
    assert any(message in problem for problem in problems), problems
    assert all(problem.startswith("torch.yaml:") for problem in problems)


def test_all_faults_are_reported_together(tmp_path: Path) -> None:
    _, problems = read(tmp_path, 'rows:\n  "3.10": {versions: ">=9", colour: red, note: 1}\n')
    assert len(problems) == 4


def test_a_file_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    problems = Problems()
    read_document(tmp_path / "torch.yaml", problems)
    assert problems == ["torch.yaml: cannot be read (No such file or directory); restore it from version control"]


def test_an_unquoted_version_is_shown_as_it_was_written(tmp_path: Path) -> None:
    _, problems = read(tmp_path, "[3.10, 1:30]", listed(version))
    assert problems[0] == 'torch.yaml:1:[0]: 3.10 is a number to YAML; write it in quotes, "3.10"'
    assert '"1:30"' in problems[1]


@pytest.mark.parametrize(
    ("reader", "content", "value"),
    [
        (integer, "7", 7),
        (number, "0.5", 0.5),
        (flag, "true", True),
        (day, "2026-01-31", date(2026, 1, 31)),
        (choice("a", "b"), "a", "a"),
        (mapped(integer), "{x: 1}", {"x": 1}),
        (listed(text), "[a, b]", ("a", "b")),
    ],
)
def test_readers_give_typed_values(tmp_path: Path, reader: Reader[object], content: str, value: object) -> None:
    assert read(tmp_path, content, reader) == (value, [])


@pytest.mark.parametrize(
    ("reader", "content"),
    [
        (integer, "'7'"),
        (integer, "7.0"),
        (integer, "true"),
        (number, "much"),
        (flag, "'true'"),
        (day, "soon"),
        (day, "2026-02-31"),
        (choice("a", "b"), "c"),
        (listed(text), "a"),
        (text, "[]"),
        (text, "null"),
    ],
)
def test_readers_refuse_other_kinds(tmp_path: Path, reader: Reader[object], content: str) -> None:
    assert read(tmp_path, content, reader)[1]
