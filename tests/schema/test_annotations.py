"""A row's class says what its document may hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated

import pytest
from packaging.specifiers import SpecifierSet

from scripts.schema.annotations import PerSystem, RowName, Source, VersionText, reader_of, row_reader
from scripts.schema.readers import Number, Problems, choice


@dataclass(frozen=True, kw_only=True)
class Card:
    name: RowName
    driver: VersionText
    memory: int
    sold: date | None
    drivers: PerSystem[tuple[VersionText, ...]]
    kind: Annotated[str, choice("old", "new")]
    range: SpecifierSet
    notes: Mapping[str, str] = field(default_factory=dict)
    ready: bool = True
    source: Source


DOCUMENT: dict[str, object] = {
    "driver": "580",
    "memory": Number("24"),
    "sold": date(2026, 1, 2),
    "drivers": {"windows": ["580"], "linux": []},
    "kind": "new",
    "range": ">=1",
    "source": ["#1"],
}


def read(**changes: object) -> tuple[Mapping[str, Card], Problems]:
    problems = Problems()
    rows = {"4090": {name: value for name, value in {**DOCUMENT, **changes}.items() if value != "absent"}}
    found: Mapping[str, Card] = reader_of(Mapping[str, Card])(rows, "cards", problems)
    return found, problems


def test_a_row_is_read_as_its_class_says_and_knows_its_own_key() -> None:
    found, problems = read()
    assert problems == []
    assert found["4090"] == Card(
        name="4090",
        driver="580",
        memory=24,
        sold=date(2026, 1, 2),
        drivers={"windows": ("580",), "linux": ()},
        kind="new",
        range=SpecifierSet(">=1"),
        source=("#1",),
    )


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"driver": Number("580")}, 'cards["4090"].driver: 580 is a number to YAML'),
        ({"drivers": {"windows": []}}, "cards[\"4090\"].drivers: the key 'linux' is missing"),
        ({"drivers": {"windows": [], "linux": [], "mac": []}}, 'cards["4090"].drivers.mac: unknown key'),
        ({"kind": "older"}, "'older' is not known here; write one of old, new"),
        ({"memory": "absent"}, "the key 'memory' is missing"),
        ({"source": "absent"}, "the key 'source' is missing; name where the fact comes from"),
        ({"weight": "1"}, 'cards["4090"].weight: unknown key'),
    ],
)
def test_what_the_class_does_not_allow_is_a_located_fault(changes: dict[str, object], fault: str) -> None:
    _, problems = read(**changes)
    assert len(problems) == 1
    assert fault in problems[0]


def test_a_value_that_may_be_none_and_one_with_a_default_may_be_absent() -> None:
    found, problems = read(sold="absent", notes="absent", ready="absent")
    assert problems == []
    assert (found["4090"].sold, found["4090"].notes, found["4090"].ready) == (None, {}, True)


def test_an_annotation_that_nothing_reads_is_an_error_of_the_class() -> None:
    @dataclass(frozen=True)
    class Odd:
        value: complex

    with pytest.raises(TypeError, match="no reader for"):
        row_reader(Odd)
