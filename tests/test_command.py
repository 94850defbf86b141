"""Commands are printed so that they can be pasted, and what they start never outlives them."""

from __future__ import annotations

import codecs
import os
import shlex
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts import command, stop_signals
from scripts.command import Command, Running, as_script, ask, check, run
from scripts.errors import CommandError
from scripts.outgoing import in_code_page
from scripts.process_tree import ProcessGroup
from scripts.stop_signals import StopSignal

posix_only = pytest.mark.skipif(os.name == "nt", reason="POSIX shell")
WORD = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)


def python(program: str, *arguments: str) -> Command:
    return Command(argv=(sys.executable, "-c", program, *arguments))


def wait_until_gone(pid: int, seconds: float = 5.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.02)
    return False


def wait_for_pids(file: Path, count: int) -> list[int]:
    for _ in range(3000):
        found = file.read_text().split() if file.exists() else []
        if len(found) >= count:
            return [int(word) for word in found]
        time.sleep(0.02)
    raise AssertionError(f"{file} never named {count} processes")


# A parent, a child and a grandchild, each of which writes its pid and sleeps.
FAMILY = """
import os, subprocess, sys, time
depth, file = int(sys.argv[1]), sys.argv[2]
open(file, "a").write(f"{os.getpid()} ")
if depth:
    subprocess.Popen([sys.executable, "-c", sys.argv[3], str(depth - 1), file, sys.argv[3]])
time.sleep(60)
"""


# ------------------------------------------------------------------------------------------------------- as text


@posix_only
@settings(max_examples=25, deadline=None)
@given(words=st.lists(WORD, max_size=4), value=WORD)
def test_a_pasted_line_runs_exactly_the_command(words: list[str], value: str) -> None:
    tell = "import json, os, sys; print(json.dumps([sys.argv[1:], os.environ['VALUE']]))"
    command = Command(argv=(sys.executable, "-S", "-c", tell, *words), env={"VALUE": value})
    line = command.as_shell(windows=False)
    assert shlex.split(line) == [f"VALUE={value}", *command.argv]


@posix_only
def test_the_posix_line_goes_to_the_folder_and_sets_the_variables(tmp_path: Path) -> None:
    folder = tmp_path / "a folder; with $signs"
    folder.mkdir()
    show = "import os; print(os.getcwd(), os.environ['FLAGS'])"
    command = Command(argv=(sys.executable, "-c", show), env={"FLAGS": "a 'b' $HOME"}, cwd=folder)
    answer = subprocess.run(["sh", "-c", command.as_shell(windows=False)], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == f"{folder} a 'b' $HOME"


def test_the_windows_line_sets_variables_one_by_one_and_quotes_words_with_spaces() -> None:
    command = Command(argv=("C:\\Program Files\\python.exe", "-m", "pip"), env={"B": "2", "A": "1 & 2"}, cwd=Path("D"))
    assert command.as_shell(windows=True) == (
        'cd /d "D" && set "A=1 & 2" && set "B=2" && "C:\\Program Files\\python.exe" -m pip'
    )


@pytest.mark.parametrize("word", ["setuptools<81", "pydantic>=2", "a&b", "a|b", "a^b"])
def test_the_windows_line_hides_what_cmd_would_take_as_a_redirection(word: str) -> None:
    line = Command(argv=("pip", "install", word)).as_shell(windows=True)
    assert line == f'pip install "{word}"'


def test_a_script_holds_the_commands_in_order() -> None:
    script = as_script([Command(argv=("a", "b c")), Command(argv=("d",))], windows=False)
    assert script == "a 'b c'\nd"


# ------------------------------------------------------------------------------------------------------- running


def test_both_outputs_arrive_line_by_line_in_the_order_they_were_written() -> None:
    seen: list[str] = []
    program = "import sys\nfor i in range(4): print(i, file=(sys.stdout, sys.stderr)[i % 2], flush=True)"
    outcome = run(python(program), log=seen.append)
    assert seen == ["0", "1", "2", "3"]
    assert (outcome.exit_code, outcome.output) == (0, "0\n1\n2\n3")


def test_bytes_that_are_no_text_do_not_end_the_run() -> None:
    outcome = run(python(r"import sys; sys.stdout.buffer.write(b'caf\xe9\nend\n')"))
    assert outcome.output.splitlines()[-1] == "end"


@pytest.mark.parametrize(
    ("code_page", "said"),
    [
        ("cp850", "a.cpp: fatal error C1083: Datei kann nicht ge\u00f6ffnet werden"),
        ("cp932", "\u958b\u3051\u307e\u305b\u3093 b"),
    ],
)
def test_a_line_in_the_code_page_of_consoles_is_read_and_those_around_it_are_utf_8(code_page: str, said: str) -> None:
    raw = b"\n".join(["caf\u00e9".encode(), said.encode(code_page), "na\u00efve".encode()])
    codecs.register_error("test-page", lambda error: in_code_page(error, code_page))
    assert raw.decode("utf-8", "test-page") == f"caf\u00e9\n{said}\nna\u00efve"


def test_a_python_that_is_asked_answers_in_utf_8_whatever_its_system_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "cp1252")
    assert ask([sys.executable, "-c", "print('J\\xfcrgen')"]).text == "J\u00fcrgen"


class DeafProcess:
    """A program that is in front with us on Windows, where Popen knows no Ctrl-Break."""

    pid = 0

    def send_signal(self, number: int) -> None:
        raise ValueError(f"Unsupported signal: {number}")

    def wait(self, timeout: float | None = None) -> int:
        return 1


def test_what_a_console_sends_to_all_programs_is_sent_to_none_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stop_signals, "OF_TERMINAL", {2, 15})  # 15 for Windows' own Ctrl-Break, which is no signal here
    monkeypatch.setattr(stop_signals, "in_foreground", lambda: True)
    command._hand_on(DeafProcess(), StopSignal(15))  # type: ignore[arg-type]
    monkeypatch.setattr(stop_signals, "in_foreground", lambda: False)
    with pytest.raises(ValueError, match="Unsupported signal: 15"):
        command._hand_on(DeafProcess(), StopSignal(15))  # type: ignore[arg-type]


def test_the_peak_is_at_least_what_the_process_and_its_child_held() -> None:
    hold = "import time; held = bytearray(b'x') * (120 * 2**20); time.sleep(0.8)"
    outcome = run(python(f"import subprocess, sys; subprocess.run([sys.executable, '-c', {hold!r}])"))
    assert outcome.peak_bytes > 120 * 2**20
    assert outcome.seconds > 0.8


def test_an_exit_code_is_reported_by_run_and_raised_by_check() -> None:
    command = python("print('why it failed'); raise SystemExit(7)")
    outcome = run(command)
    assert outcome.exit_code == 7
    with pytest.raises(CommandError, match=r"(?s)exit code 7.*why it failed"):
        check(command, outcome)


def test_variables_are_added_to_the_callers_and_the_folder_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FROM_CALLER", "kept")
    program = "import os; print(os.environ['FROM_CALLER'], os.environ['ADDED'], os.getcwd())"
    outcome = run(Command(argv=(sys.executable, "-c", program), env={"ADDED": "new"}, cwd=tmp_path))
    assert outcome.output == f"kept new {tmp_path}"


def test_a_missing_program_is_named() -> None:
    with pytest.raises(CommandError, match="cannot start no-such-compiler"):
        run(Command(argv=("no-such-compiler", "-c")))


def test_a_time_out_ends_parent_child_and_grandchild(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    seconds = 20 if os.name == "nt" else 4  # three Pythons have started by then, under Wine and on a busy machine too
    with pytest.raises(CommandError, match=f"ran longer than {seconds} s"):
        run(python(FAMILY, "2", str(pids), FAMILY), timeout_seconds=seconds)
    family = wait_for_pids(pids, 3)
    assert [pid for pid in family if not wait_until_gone(pid)] == []


@posix_only
def test_a_time_out_also_ends_a_process_whose_parent_is_gone(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    script = f"sh -c 'sleep 60 & echo $! > {pids}'; sleep 60"
    with pytest.raises(CommandError, match="ran longer"):
        run(Command(argv=("sh", "-c", script)), timeout_seconds=0.5)
    assert wait_until_gone(wait_for_pids(pids, 1)[0])


def test_stopping_a_group_ends_everything_it_started(tmp_path: Path) -> None:
    group, pids = ProcessGroup(), tmp_path / "pids"
    command = python(FAMILY, "1", str(pids), FAMILY)
    outcomes = []
    thread = threading.Thread(target=lambda: outcomes.append(run(command, group=group)))
    thread.start()
    family = wait_for_pids(pids, 2)
    group.stop()
    thread.join(timeout=10)
    assert [pid for pid in family if not wait_until_gone(pid)] == []
    assert outcomes[0].exit_code != 0
    assert group.stopped


def test_a_process_that_is_added_to_a_stopped_group_is_ended_at_once() -> None:
    group = ProcessGroup()
    group.stop()
    outcome = run(python("import time; time.sleep(60)"), group=group)
    assert outcome.exit_code != 0
    assert outcome.seconds < 10


def test_a_running_program_can_be_told_lines() -> None:
    program = "print('ready', flush=True); print('told', input()); print('rest', input())"
    with Running(python(program)) as running:
        running.wait_for("ready")
        running.send("one")
        running.send("two")
        assert running.finish().output == "ready\ntold one\nrest two"


def test_waiting_for_a_line_that_never_comes_shows_the_programs_last_words() -> None:
    with (
        Running(python("print('out of luck'); raise SystemExit(3)")) as running,
        pytest.raises(CommandError, match="out of luck"),
    ):
        running.wait_for("ready")


def test_leaving_a_running_program_early_ends_it() -> None:
    with Running(
        python("import os, time; print(os.getpid(), flush=True); print('up', flush=True); time.sleep(60)")
    ) as r:
        r.wait_for("up")
        pid = int(r._lines[0])
    assert wait_until_gone(pid)


def test_the_input_of_a_command_is_part_of_its_line() -> None:
    silent, fed = (Command(argv=("read it",), env={"A": "1"}, cwd=Path("work"), stdin=line) for line in ("", "@go"))
    assert silent.as_shell(windows=False) == "cd work && A=1 'read it' < /dev/null"
    assert fed.as_shell(windows=False) == "cd work && echo @go | A=1 'read it'"
    assert silent.as_shell(windows=True) == 'cd /d "work" && set "A=1" && "read it" < NUL'
    assert fed.as_shell(windows=True) == 'cd /d "work" && set "A=1" && echo @go | "read it"'


def test_a_command_reads_its_input() -> None:
    program = "import sys; print(repr(sys.stdin.read()))"
    for line, read in (("@go", "'@go\\n'"), ("", "''"), (None, "''")):
        assert run(Command(argv=(sys.executable, "-c", program), stdin=line)).output == read
