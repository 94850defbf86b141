"""The status table counts wheels per release and kind, once for the page and once for a README."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.dirs import CHECKOUT
from scripts.errors import InputError
from scripts.facts.load import load_facts
from scripts.index.page.states import Build
from scripts.index.page.status import Count, renew_table, status_html, status_markdown, status_rows
from scripts.plan.expand import expand
from scripts.plan.matrix import load_matrix
from tests.index.page.factories import made_up
from tests.plan.factories import make_plan, make_target

CPU, OLD = make_target(), make_target(deepspeed="0.9.0", cuda="cu130", platform="win_amd64")
PLAN = make_plan([CPU, make_target(python="3.12"), OLD])
ROWS = status_rows([made_up(CPU), made_up(make_target(torch="2.13.1"))], PLAN)


def test_rows_count_published_of_planned_the_newest_release_first() -> None:
    assert [row.deepspeed for row in ROWS] == ["0.19.8", "0.9.0"]
    assert ROWS[0].counts == (None, None, None, Count(published=1, planned=2))
    assert ROWS[1].counts == (Count(published=0, planned=1), None, None, None)


def test_the_table_of_the_readme_counts_what_is_planned_now() -> None:
    """`invoke index --readme README.md` renews it; once wheels are published, it is of the day of the last index."""
    text = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    facts = load_facts()
    table = status_markdown(status_rows([], expand(load_matrix(CHECKOUT / "matrix.yaml", facts), facts)))
    assert table in text or "| 0 of" not in text


def test_a_wheel_outside_the_plan_counts_on_both_sides() -> None:
    [row] = status_rows([made_up(CPU)], make_plan())
    assert row.counts[3] == Count(published=1, planned=1)


def test_failed_and_building_targets_are_counted_unless_they_are_published() -> None:
    failed, going = (make_target(python=python).id for python in ("3.12", "3.13"))
    builds = {CPU.id: Build(state="failed"), going: Build(state="building"), failed: Build(state="failed")}
    [row] = status_rows(
        [made_up(CPU)], make_plan([CPU, make_target(python="3.12"), make_target(python="3.13")]), builds
    )
    assert row.counts[3] == Count(published=1, planned=3, failed=(failed,), building=(going,))
    assert status_markdown([row]).endswith("| none | none | none | 1 of 3, 1 failed, 1 building |\n")
    assert f'<a href="?id={failed}">1 failed</a>, <a href="?id={going}">1 building</a>' in status_html([row])


def test_the_table_of_the_page_links_to_choices() -> None:
    table = status_html(ROWS)
    assert '<a class="count some" href="?deepspeed=0.19.8&amp;platform=linux_x86_64&amp;cuda=cpu">1 of 2</a>' in table
    assert '<a class="count no" href="?deepspeed=0.9.0&amp;platform=win_amd64">0 of 1</a>' in table


def test_the_table_of_a_readme_has_a_line_per_release() -> None:
    lines = status_markdown(ROWS).splitlines()
    assert lines[0] == "| DeepSpeed | Windows, CUDA | Windows, CPU | Linux, CUDA | Linux, CPU |"
    assert lines[2:] == ["| 0.19.8 | none | none | none | 1 of 2 |", "| 0.9.0 | 0 of 1 | none | none | none |"]


def test_a_table_is_renewed_between_its_marks_and_nothing_else_changes() -> None:
    text = "# Title\n<!-- wheels -->\nold\n<!-- /wheels -->\nend\n"
    once = renew_table(text, "| new |\n", "README.md")
    assert once == "# Title\n<!-- wheels -->\n| new |\n<!-- /wheels -->\nend\n"
    assert renew_table(once, "| new |\n", "README.md") == once


@pytest.mark.parametrize("text", ["no mark\n", "<!-- wheels -->\n", "<!-- wheels -->\n<!-- /wheels -->\n" * 2])
def test_a_document_without_its_two_marks_is_not_touched(text: str) -> None:
    with pytest.raises(InputError, match=r"README\.md: write the lines"):
        renew_table(text, "", "README.md")


def test_the_readme_has_the_marks() -> None:
    readme = Path(__file__).resolve().parents[3] / "README.md"
    assert "0.19.8" in renew_table(readme.read_text(encoding="utf-8"), status_markdown(ROWS), "README.md")
