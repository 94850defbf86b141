"""`invoke bench faults` at a small scale: nothing is lost. And each part can fail: a loss is found and counted."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from invoke.program import Program

from bench.faults import (
    answers,
    archives,
    build_runs,
    builds,
    documents,
    installs,
    publishing,
    records,
    sites,
    small_build,
)
from bench.faults.__main__ import as_row, loss_lines, main, run_part
from bench.faults.part import Case, LostError, Part, attempt, ends_well
from bench.faults.parts import PARTS
from scripts.errors import InputError
from tests.wheel.wheelhouse import fill_wheelhouse, targets
from tests.wheel_build.test_build_plan import builds as needs_gcc

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(sys.platform == "win32", reason="processes are ended by POSIX signals"),
]
BY_NAME = {part.name: part for part in PARTS}
REAL = "real-kills"  # minutes: the tests marked real_build interrupt a real build, too
TRIES = {
    "build-kills": 4,
    "build-pairs": 1,
    "op-cache": 2,
    "publish-kills": 4,
    "publish-pairs": 2,
    "index-kills": 2,
    "install-kills": 2,
    "wheels": 30,
    "matrix": 100,
    "data": 20,
    "records": 140,
    "command-lines": 30,
    "answers": 10,
}  # of each part in the gate


def test_the_gate_tries_every_part() -> None:
    assert {*TRIES, REAL} == BY_NAME.keys()


@needs_gcc
@pytest.mark.parametrize(("name", "tries"), TRIES.items())
def test_nothing_is_lost(name: str, tries: int) -> None:
    tally = run_part(BY_NAME[name], range(tries), seed=1)
    assert tally.lost == ()
    assert (tally.tried, tally.survived) == (tries, tries)


# ---------------------------------------------------------------- what is lost is found


def broken(*given: object, **named: object) -> Any:  # noqa: ANN401  instead of any function
    raise KeyError("a bug")


@pytest.mark.parametrize(
    ("name", "module", "function"),
    [
        ("matrix", documents, "load_matrix"),
        ("data", documents, "load_matrix"),
        ("records", records, "read_wheels"),
        ("wheels", archives, "verify"),
        ("wheels", archives, "read_wheelhouse"),
        ("wheels", archives, "offered"),
        ("command-lines", Program, "run"),
    ],
)
def test_a_traceback_is_lost(name: str, module: object, function: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, function, broken)
    tally = run_part(BY_NAME[name], [1, 8], seed=1)
    assert (tally.tried, tally.survived) == (2, 0)
    assert f"KeyError: \"'a bug'\" at {Path(__file__).name}" in tally.lost[0]
    assert f"[--part {name} --seed 1 --case 1]" in tally.lost[0]


@pytest.mark.parametrize(("name", "module"), [("wheels", archives), ("answers", answers)])
def test_what_is_believed_wrongly_is_lost(name: str, module: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ends_well", lambda work: work() is None)
    monkeypatch.setattr(archives, "_judged", lambda folder, beside: set())
    monkeypatch.setattr(archives, "_require_offered", lambda folder, beside: None)
    monkeypatch.setattr(archives, "verify", lambda options: None)
    for asker in ("_ask_site", "_ask_github", "_ask_index"):
        monkeypatch.setattr(answers, asker, lambda server, chance: None)
    assert run_part(BY_NAME[name], range(4), seed=1).survived < 4


@pytest.mark.parametrize("index", [0, 1])
def test_a_release_that_is_not_finished_is_lost(index: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "publish_once", lambda *given: None)
    monkeypatch.setattr(publishing, "publish_in_folder", lambda wheels, store: store.mkdir(exist_ok=True))
    (loss,) = run_part(BY_NAME["publish-kills"], [index], seed=4).lost
    assert loss.startswith("not published as planned")


def test_a_published_file_that_changes_is_lost() -> None:
    publishing.require_kept({"a": "1"}, {"a": "1", "b": "2"})
    for now in ({}, {"a": "2"}):
        with pytest.raises(LostError, match="gone or changed: a"):
            publishing.require_kept({"a": "1"}, now)


def test_a_site_that_offers_less_or_links_to_nothing_is_lost(tmp_path: Path) -> None:
    fill_wheelhouse(tmp_path / "wheels", targets(2))
    site = tmp_path / "site"
    sites.write_site(tmp_path, site)
    sites.require_offered(site, targets(2))
    with pytest.raises(LostError, match="no longer offers"):
        sites.require_offered(site, targets(3))
    before = sites.files_of(site)
    next(site.glob("files/*/*.whl")).unlink()
    assert sites.files_of(site) != before
    with pytest.raises(LostError, match="which is not there"):
        sites.require_offered(site, targets(2))


def test_an_environment_without_the_wheel_is_lost() -> None:
    with pytest.raises(LostError, match="wrong wheel"):
        installs.require_installed(Path(sys.prefix))


def make_site(folder: Path, expected: dict[str, bytes]) -> builds.Site:
    return builds.Site(folder=folder, clones=(), fill=lambda cache: None, expected=expected, seconds=1)


def test_a_wheel_of_other_bytes_is_lost(tmp_path: Path) -> None:
    wheel = tmp_path / "wheels" / "a.whl"
    wheel.parent.mkdir()
    wheel.write_bytes(b"right")
    make_site(tmp_path, {"a.whl": b"right"}).require_right(tmp_path)
    for expected in ({"a.whl": b"other"}, {}, {"a.whl": b"right", "b.whl": b""}):
        with pytest.raises(LostError, match="wrong wheel"):
            make_site(tmp_path, expected).require_right(tmp_path)


def test_a_process_that_outlives_its_parent_is_lost_and_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build_runs, "SECONDS_TO_END", 0.3)
    mark = str(tmp_path)
    parent = build_runs.start(["sh", "-c", "setsid sleep 60 & exit 3"], tmp_path, {}, mark)
    assert parent.end(20).exit_code == 3
    with pytest.raises(LostError, match=r"orphans: .*sleep 60"):
        build_runs.require_no_orphan(mark)
    time.sleep(0.1)
    build_runs.require_no_orphan(mark)


@pytest.mark.parametrize(
    ("program", "loss"), [("sleep 60", "endless"), ("echo Traceback '(most recent call last)' >&2", "")]
)
def test_a_build_that_does_not_end_or_ends_in_a_traceback_is_lost(program: str, loss: str, tmp_path: Path) -> None:
    parent = build_runs.start(["sh", "-c", program], tmp_path, {}, str(tmp_path))
    with pytest.raises(LostError, match=loss or "traceback"):
        parent.end(0.5 if loss else 20)


SEEDED = {  # in a copy of this checkout: file, what stands there, what it is changed to
    "op-cache": (
        "scripts/files.py",
        "def has_digest(",
        "def has_digest(*given: object) -> bool:\n    return True\n\n\ndef _old(",
    ),
}


@needs_gcc
@pytest.mark.nightly
@pytest.mark.parametrize("name", SEEDED)
def test_a_fault_that_is_put_into_a_copy_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cache believes what it finds."""
    file, right, wrong = SEEDED[name]
    make_clone: Callable[[Path], Path] = small_build.make_clone

    def with_fault(root: Path) -> Path:
        path = make_clone(root) / file
        text = path.read_text(encoding="utf-8")
        assert right in text
        path.write_text(text.replace(right, wrong), encoding="utf-8")
        return root

    monkeypatch.setattr(small_build, "make_clone", with_fault)
    assert run_part(BY_NAME[name], range(3), seed=1).lost


# ---------------------------------------------------------------- how it is counted


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


def test_parts_that_run_beside_each_other_are_counted_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--part", "matrix,data", "--scale", "0.002"])
    rows = [line.split()[:4] for line in capsys.readouterr().out.splitlines()[1:]]
    assert rows == [["matrix", "4", "4", "0"], ["data", "1", "1", "0"]]


def test_a_row_shows_tried_survived_and_lost() -> None:
    tally = run_part(made_up(lambda index, chance: broken()), range(4), seed=1)
    assert as_row(tally).split() == ["made", "up", "4", "0", "4", str(tally.seconds), str(tally.processor)]
    (line,) = loss_lines(tally)
    assert line.startswith("  4 times: traceback: KeyError")
    assert line.endswith("[--part made up --seed 1 --case 0]")
