"""Text from outside is printed as it is: no markup, no picture, no order to the terminal, in any table or line."""

from __future__ import annotations

import ast
import io
from pathlib import Path

import pytest
from rich.table import Table
from rich.text import Text

from scripts.ci.results import Result
from scripts.ci.summary import markdown, rows
from scripts.commands.answer import log_line, print_answer, print_lines
from scripts.commands.report_task import _print as print_report
from scripts.commands.reported_errors import print_error
from scripts.console import PlainConsole
from scripts.errors import InputError
from scripts.plan.expand import ExcludedTarget, Plan, PlannedTarget
from scripts.plan.notes import Note
from scripts.plan.report import JobTotals, plan_tables
from scripts.verify.check import CheckResult, Report
from scripts.wheel_build.progress import Progress
from tests.plan.factories import make_target

ROOT = Path(__file__).parent.parent
HOSTILE = (
    "[/usr/lib/x] of a compiler",
    "[with T = float]",
    "[red]not red[/red]",
    "[link=https://evil.example]here[/link]",
    ":boom: :smile:",
    "[/]",
    "[bold",
    "back\\[slash",
)
ORDERS = ("\x1b[2J\x1b]0;title\x07", "\x9b31m", "over\rwritten", "\u202eright to left", "a\bb")
KEPT = dict(zip(ORDERS, ("", "\\x9b31m", "\\x0d", "\\x202e", "\\x08"), strict=True))


def printed(*renderables: Table | Text | str) -> str:
    written = io.StringIO()
    console = PlainConsole(file=written, width=400)
    for renderable in renderables:
        console.print(renderable)
    return written.getvalue()


def is_tame(text: str) -> bool:
    return not any(
        (ord(sign) < 32 and sign not in "\n\t") or 127 <= ord(sign) < 160 or sign == "\u202e" for sign in text
    )


def test_letters_that_the_encoding_of_a_pipe_lacks_become_question_marks() -> None:
    table = Table("\u0141ukasz", title="\u6f22")
    table.add_row(Text("\u25b8 step"))
    piped = io.TextIOWrapper(io.BytesIO(), encoding="cp1252")
    PlainConsole(file=piped, width=80).print(table)
    piped.seek(0)
    assert {"?ukasz", "? step"} <= {cell.strip() for line in piped for cell in line.split("|")}


@pytest.mark.parametrize("hostile", HOSTILE)
def test_what_looks_like_markup_is_printed_in_lines_cells_and_titles(hostile: str) -> None:
    table = Table(hostile, "b", title=hostile)
    table.add_row(hostile, Text(hostile))
    assert printed(hostile).strip() == hostile
    assert printed(table).count(hostile) == 4


@pytest.mark.parametrize("order", ORDERS)
def test_an_order_to_the_terminal_is_only_shown(order: str) -> None:
    table = Table(order, title=order)
    table.add_row(Text(order))
    assert is_tame(printed(order, table, Text(order)))
    assert printed(order, table).count(KEPT[order]) >= 3


def reports(text: str) -> list[Table | str]:
    """Every table that we print, each full of the text."""
    note = Note(id=text, level="warn", text=text, audience="user", hint=text, source=(text,))
    planned = PlannedTarget(target=make_target(), priority=1, forecast=lambda target: 60.0, notes=(note,))
    excluded = ExcludedTarget(target=make_target(python="3.12"), rule=text, reason=text)
    plan = Plan(targets=(planned,), excluded=(excluded,))
    check = CheckResult(name=text, passed=False, detail=text)
    return [
        *plan_tables(plan, JobTotals(jobs=1, minutes=60.0)),
        *plan_tables(plan, JobTotals(jobs=1, minutes=60.0), excluded=True),
        Report(wheel=text, checks=(check, CheckResult(name=text, passed=None, detail=text))).as_table(),
    ]


@pytest.mark.parametrize("text", [*HOSTILE, *ORDERS])
def test_every_table_shows_the_text_itself(text: str) -> None:
    shown = [printed(report) for report in reports(text)]
    assert all(map(is_tame, shown))
    assert sum(KEPT.get(text, text) in one for one in shown) >= 5


@pytest.mark.parametrize("text", [*HOSTILE, *ORDERS])
def test_every_way_to_print_shows_the_text_itself(
    text: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    print_answer(text)
    print_lines([text])
    log_line(text)
    print_error(InputError(text))
    result = Result(target=make_target().id, exit_code=17, wheel=None, message=text)
    print_report(rows([result], tmp_path), as_json=False)
    with Progress(title=text, log_file=tmp_path / "log", console=PlainConsole(stderr=True, width=400)) as progress:
        progress.show(text)
    said = capsys.readouterr()
    log = (tmp_path / "log").read_text(encoding="utf-8")
    assert is_tame(said.out + said.err + log)
    assert (said.out + said.err).count(KEPT.get(text, text)) >= 5


def test_a_summary_s_fence_is_longer_than_any_of_the_message(tmp_path: Path) -> None:
    result = Result(target=make_target().id, exit_code=17, wheel=None, message="`````\n# not a heading\n`````")
    lines = markdown(rows([result], tmp_path)).splitlines()
    begin = lines.index("``````")
    assert lines[begin + 1 : begin + 5] == ["`````", "# not a heading", "`````", "``````"]


def test_no_other_module_makes_a_console_or_reads_markup() -> None:
    for path in (ROOT / "scripts").rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        if path.name != "console.py":
            assert not called & {"Console", "Text.from_markup", "Text.from_ansi", "rich.print"}, path
        assert "from rich import print" not in ast.unparse(tree), path
