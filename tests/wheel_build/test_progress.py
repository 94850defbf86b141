"""Whoever waits for a build sees what it does: in every step, on a terminal and in a log."""

from __future__ import annotations

import io
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from scripts.console import PlainConsole
from scripts.wheel_build import progress as progress_module
from scripts.wheel_build.progress import Progress

ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@pytest.fixture(autouse=True)
def no_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CI", "GITHUB_ACTIONS"):
        monkeypatch.delenv(name, raising=False)


class Screen(io.StringIO):
    """What was printed, in order."""

    def wait_for(self, holds: Callable[[str], bool]) -> str:
        end = time.monotonic() + 10
        while not holds(self.getvalue()) and time.monotonic() < end:
            time.sleep(0.01)
        return self.getvalue()


def make_progress(folder: Path, screen: io.StringIO, *, terminal: bool = False) -> Progress:
    console = PlainConsole(file=screen, width=120, force_terminal=terminal, color_system=None)
    return Progress(title="a-target", log_file=folder / "a-target.log", console=console)


def test_without_a_terminal_a_step_says_now_and_then_what_runs_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress_module, "HEARTBEAT_SECONDS", 0.05)
    screen = Screen()
    with make_progress(tmp_path, screen) as progress, progress.step("environment"):
        progress.heard("Downloading torch (176.3MiB)")
        seen = screen.wait_for(lambda text: text.count("…") > 1)
    assert re.search(r"  … environment: \d+ s[^\n]*: Downloading torch \(176\.3MiB\)\n", seen)
    assert seen.startswith("▸ environment\n")
    assert "environment: 0." in screen.getvalue().splitlines()[-1]


def test_on_a_terminal_the_newest_line_is_kept_up_to_date(tmp_path: Path) -> None:
    screen = Screen()
    with make_progress(tmp_path, screen, terminal=True) as progress, progress.step("record"):
        progress.heard("compiling \x1b[31m[red]once\x1b[0m")
        first = screen.wait_for(lambda text: "once" in text)
        progress.heard("compiling twice")
        screen.wait_for(lambda text: "twice" in text)
    assert re.search(r"a-target: record: \d s: compiling \[red\]once", ANSI.sub("", first))


def test_of_a_command_the_program_is_shown_and_not_the_variables_before_it(tmp_path: Path) -> None:
    with make_progress(tmp_path, Screen()) as progress, progress.step("environment"):
        progress.heard("UV_HTTP_TIMEOUT=60 UV_INDEX_URL= uv pip install torch")
        assert progress.summary().endswith(": uv pip install torch")
    assert "UV_HTTP_TIMEOUT=60" in (tmp_path / "a-target.log").read_text(encoding="utf-8")


def test_a_fast_step_gives_no_sign_of_life(tmp_path: Path) -> None:
    screen = Screen()
    with make_progress(tmp_path, screen) as progress, progress.step("package"):
        progress.heard("copying")
    assert screen.getvalue() == f"▸ package\n{screen.getvalue().splitlines()[-1]}\n"
    assert "copying" in (tmp_path / "a-target.log").read_text(encoding="utf-8")


def test_what_the_network_brought_is_told_with_its_speed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    received = iter([0, 340_000_000] * 2)
    monkeypatch.setattr(progress_module, "received_bytes", lambda: next(received))
    with make_progress(tmp_path, Screen()) as progress, progress.step("package"):
        assert re.fullmatch(r"package: \d s", progress.summary()), "here it is another program's"
    with make_progress(tmp_path, Screen()) as progress, progress.step("environment", downloads=True):
        assert re.fullmatch(r"environment: \d s, 340 MB received, [\d,.]+ MB/s", progress.summary())


def test_ops_from_the_cache_read_as_done(tmp_path: Path) -> None:
    screen = Screen()
    with make_progress(tmp_path, screen) as progress, progress.step("compile"):
        progress.watch_ops({"adam": 60.0, "lion": 60.0}, {"adam": 2, "lion": 3}, workers=1)
        progress.update("adam", "cached")
        assert "left" in progress.summary()
        progress.update("lion", "cached")
        assert "left" not in progress.summary()
    assert [line for line in screen.getvalue().splitlines() if "cached" in line] == ["  adam: cached", "  lion: cached"]


def test_what_is_left_counts_what_is_compiled_here_alone(tmp_path: Path) -> None:
    with make_progress(tmp_path, Screen()) as progress, progress.step("compile"):
        progress.watch_ops({"adam": 600.0, "lion": 100.0}, {"adam": 2, "lion": 2}, workers=1)
        before = progress.remaining()
        progress.update("adam", "cached")
        assert (round(before), round(progress.remaining())) == (700, 100)
        assert "about 2 min left" in progress.summary()


def test_what_is_left_shrinks_while_one_unit_is_compiled_and_is_not_made_up_after_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with make_progress(tmp_path, Screen()) as progress, progress.step("compile"):
        progress.watch_ops({"adam": 60.0}, {"adam": 1}, workers=1)
        progress.update("adam", "compiling", units=1)
        begun = time.monotonic()
        monkeypatch.setattr(time, "monotonic", lambda: begun + 40)
        assert "about 20 s left" in progress.summary()
        monkeypatch.setattr(time, "monotonic", lambda: begun + 400)
        assert "it takes longer than expected" in progress.summary()
        monkeypatch.undo()


def test_an_op_counts_its_units_and_its_seconds(tmp_path: Path) -> None:
    screen = Screen()
    with make_progress(tmp_path, screen) as progress, progress.step("compile"):
        progress.watch_ops({"adam": 60.0}, {"adam": 1}, workers=1)
        progress.update("adam", "compiling", units=1)
        progress.update("adam", "compiling", units=-1)
        progress.update("adam", "built")
    lines = [line.strip() for line in screen.getvalue().splitlines()]
    assert lines[1:4] == ["adam: compiling 0/1", "adam: compiling 1/1", "adam: built 1/1 after 0 s"]


def test_how_the_ops_ended_stays_on_the_terminal(tmp_path: Path) -> None:
    screen = Screen()
    with make_progress(tmp_path, screen, terminal=True) as progress, progress.step("compile"):
        progress.watch_ops({"adam": 60.0}, {"adam": 2}, workers=1)
        progress.update("adam", "cached")
    last = ANSI.sub("", screen.getvalue()).rsplit("a-target:", 1)[-1]
    assert re.search(r"adam +│ cached +│ +2/2", last)


def test_a_terminal_that_was_closed_is_no_reason_to_fail(tmp_path: Path) -> None:
    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(5, "Input/output error")

    with make_progress(tmp_path, Closed()) as progress, progress.step("source"):
        progress.show("patched")
    assert "patched" in (tmp_path / "a-target.log").read_text(encoding="utf-8")


def test_a_step_leaves_no_thread_behind(tmp_path: Path) -> None:
    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt), make_progress(tmp_path, Screen()) as progress, progress.step("compile"):
        raise KeyboardInterrupt
    assert threading.active_count() == before


def test_in_a_workflow_a_step_is_folded_and_what_others_say_folds_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    screen = Screen()
    with make_progress(tmp_path, screen) as progress, progress.step("source"):
        progress.show("::group::of a program")
    said = screen.getvalue().splitlines()
    assert (said[0], said[-1]) == ("::group::source", "::endgroup::")
    assert sum(line.startswith("::") for line in said) == 2
