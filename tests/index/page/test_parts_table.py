"""The table of parts: the newest release's, one row for every part, the last result on each kind of wheel."""

from __future__ import annotations

from typing import Any

from scripts.facts.load import load_facts
from scripts.index.page.parts_table import LastResult, PartsTable, parts_html, parts_table
from scripts.wheel.record import Verification, WheelRecord
from tests.index.page.factories import made_up, render
from tests.plan.factories import make_target

SILENT = Verification(level="full", passed=("names",))  # of a manifest that names no parts
ROWS = load_facts().verification_parts
NO_OP = "async_io is not in this wheel"


def ran(*parts: str, day: str = "01", skipped: dict[str, str] | None = None, **target: Any) -> WheelRecord:  # noqa: ANN401  any axis
    proof = Verification(level="full", passed=("names",), skipped=skipped or {}, parts=parts)
    return made_up(make_target(**target), verification=proof, uploaded=f"2026-11-{day}T12:00:00Z")


def table_of(*records: WheelRecord) -> PartsTable:
    table = parts_table(records, ROWS)
    assert table
    return table


def result(table: PartsTable, part: str) -> LastResult | None:
    [line] = [line for line in table.lines if line.part.name == part]
    return line.results[3]  # Linux, CPU


def test_no_part_is_without_a_row_and_those_of_a_gpu_come_when_one_ran() -> None:
    table = table_of(ran("zero-1"))
    assert [line.part.name for line in table.lines] == [row.name for row in ROWS.values() if row.level != "gpu"]
    assert "quantizer" in {line.part.name for line in table_of(ran("quantizer", cuda="cu130")).lines}


def test_the_last_wheel_on_which_a_part_ran_tells_how_it_ended() -> None:
    old, new = (
        ran("zero-1", "async_io", python="3.11"),
        ran("zero-1", day="02", skipped={"async_io": NO_OP}, python="3.12"),
    )
    table = table_of(new, old)
    assert result(table, "zero-1") == LastResult(passed=True, target=new.target)
    assert result(table, "async_io") == LastResult(passed=True, target=old.target)
    assert result(table, "zero-2") is None
    assert result(table_of(new), "async_io") == LastResult(passed=False, target=new.target, reason=NO_OP)


def test_the_table_is_of_the_newest_release_that_says_anything() -> None:
    silent = made_up(make_target(deepspeed="0.20.0"), verification=SILENT)
    table = table_of(ran("zero-1", deepspeed="0.9.9"), ran("zero-2", deepspeed="0.19.8"), silent)
    assert table.deepspeed == "0.19.8"
    assert result(table, "zero-1") is None
    assert parts_table([silent], ROWS) is None


def test_only_kinds_that_have_a_result_are_columns_and_nothing_breaks_out() -> None:
    html = parts_html(table_of(ran("zero-1", skipped={"async_io": "<b>none</b>"})))
    assert html.count('scope="col"') == 2
    assert f'<a class="count all" href="?id={make_target().id}">✓ passed</a>' in html
    assert "skipped: &lt;b&gt;none&lt;/b&gt;" in html
    assert html.count("<tbody>") == html.count("</tbody>") == 5


def test_the_page_has_the_table_once_a_wheel_says_something() -> None:
    assert "What DeepSpeed 0.19.8 was seen to do" in render([ran("zero-1")])["index.html"].decode()
    assert 'id="parts"' not in render([made_up(make_target(), verification=SILENT)])["index.html"].decode()
