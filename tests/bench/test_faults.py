"""`invoke bench faults` at a small scale: nothing is lost, and what is lost is counted."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bench.faults import documents
from bench.faults.__main__ import as_row, main, run_part
from bench.faults.part import Case, LostError, Part, attempt, ends_well
from bench.faults.parts import PARTS
from scripts.errors import InputError

pytestmark = pytest.mark.faults
TRIES = {"matrix": 100, "data": 20, "command-lines": 30}  # of each part in the gate


@pytest.mark.parametrize(("name", "tries"), TRIES.items())
def test_nothing_is_lost(name: str, tries: int) -> None:
    (part,) = (part for part in PARTS if part.name == name)
    tally = run_part(part, range(tries), seed=1)
    assert tally.lost == ()
    assert (tally.tried, tally.survived) == (tries, tries)


def broken(*given: object, **named: object) -> Any:  # noqa: ANN401  instead of any function
    raise KeyError("a bug")


@pytest.mark.parametrize(("name", "module", "function"), [("matrix", documents, "load_matrix")])
def test_a_traceback_is_lost(name: str, module: object, function: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, function, broken)
    (part,) = (part for part in PARTS if part.name == name)
    tally = run_part(part, range(2), seed=1)
    assert (tally.tried, tally.survived, len(tally.lost)) == (2, 0, 2)
    assert f"KeyError: \"'a bug'\" at {Path(__file__).name}" in tally.lost[0]
    assert f"[--part {name} --seed 1 --case 0]" in tally.lost[0]


def made_up(case: Case, seconds: float = 5) -> Part:
    @contextmanager
    def place(folder: Path) -> Iterator[Case]:
        yield case

    return Part(name="made up", what="anything", cases=10, seconds=seconds, place=place)


def test_what_does_not_end_is_lost() -> None:
    def endless(index: int, chance: random.Random) -> None:
        while True:
            pass

    assert attempt(made_up(endless, seconds=0.05), endless, 0, 1) == "endless: not done after 0.05 s"


def test_the_same_seed_tries_the_same() -> None:
    seen: list[float] = []

    def case(index: int, chance: random.Random) -> None:
        seen.append(chance.random())

    for numbers in (range(3), [1]):
        run_part(made_up(case), numbers, seed=7)
    run_part(made_up(case), [1], seed=8)
    assert seen[1] == seen[3]
    assert len(set(seen)) == 4


def test_an_error_with_a_message_is_a_good_end() -> None:
    def refused() -> None:
        raise InputError("what happened, and what to do")

    assert ends_well(lambda: None)
    assert not ends_well(refused)
    with pytest.raises(LostError, match="traceback: KeyError"):
        ends_well(broken)


def test_the_exit_code_says_that_something_was_lost(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["--part", "matrix", "--scale", "0.001"])
    assert "matrix" in capsys.readouterr().out
    monkeypatch.setattr(documents, "load_matrix", broken)
    with pytest.raises(SystemExit, match="1"):
        main(["--part", "matrix", "--scale", "0.001", "--json"])
    assert '"tried": 2' in capsys.readouterr().out


def test_a_row_shows_tried_survived_and_lost() -> None:
    tally = run_part(made_up(lambda index, chance: broken()), range(4), seed=1)
    assert as_row(tally).split() == ["made", "up", "4", "0", "4", str(tally.seconds)]
