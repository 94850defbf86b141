"""A signal that asks to stop is raised where the process is, once, and what handled it before does so again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from scripts import stop_signals as module
from scripts.command import Command, run_in_front
from scripts.stop_signals import Stops, StopSignal, stop_signals
from tests.wheel_build.factories import driver_command, repository_variables

posix_only = pytest.mark.skipif(os.name == "nt", reason="a process cannot send itself such a signal")


@posix_only
@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_a_signal_is_raised_in_the_body_and_its_exit_code_known(name: str, code: int) -> None:
    number = getattr(signal, name)
    before = signal.getsignal(number)
    with stop_signals() as stops, pytest.raises(StopSignal, match=name):
        signal.raise_signal(number)
    assert stops.exit_code == code
    assert signal.getsignal(number) == before


def test_signals_that_arrive_together_are_one_stop_and_a_later_one_is_another(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    stops = Stops()
    with pytest.raises(StopSignal):
        stops.receive(15, None)
    stops.receive(15, None)
    stops.receive(2, None)
    now[0] += module.ONE_STOP_SECONDS
    with pytest.raises(StopSignal):
        stops.receive(2, None)
    assert (stops.exit_code, stops.name) == (143, "SIGTERM")


def test_where_nothing_arrives_there_is_no_exit_code() -> None:
    with stop_signals() as stops:
        pass
    assert (stops.exit_code, stops.name) == (0, "Ctrl-C")


STUBBORN = (
    "import signal, time; [signal.signal(n, signal.SIG_IGN) for n in (2, 15)]; print('up', flush=True); time.sleep(60)"
)
WAITING = """
import signal, sys
from scripts import command, process_tree
from scripts.command import Command, run_in_front
command.STOP_SECONDS = process_tree.GRACE_SECONDS = 0.2
try:
    run_in_front(Command(argv=(sys.executable, "-c", sys.argv[1])), output=sys.stdout)
except KeyboardInterrupt:
    print("ended")
"""


@posix_only
def test_a_program_in_front_that_does_not_stop_is_ended() -> None:
    words = driver_command(WAITING, STUBBORN)
    with subprocess.Popen(words, env=repository_variables(), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "up\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.read() == "ended\n"


def test_a_program_in_front_writes_where_it_is_told_to(capfd: pytest.CaptureFixture[str]) -> None:
    say = Command(argv=(sys.executable, "-c", "print('said'); raise SystemExit(3)"))
    assert run_in_front(say) == 3
    assert capfd.readouterr() == ("", f"said{os.linesep}")
    assert run_in_front(say, output=sys.__stdout__) == 3
    assert capfd.readouterr() == (f"said{os.linesep}", "")


def test_what_a_program_in_front_says_on_standard_error_is_printed_and_heard(
    capfd: pytest.CaptureFixture[str],
) -> None:
    program = "import sys; print('out'); print('one\\ntwo', file=sys.stderr); raise SystemExit(3)"
    heard: list[str] = []
    assert run_in_front(Command(argv=(sys.executable, "-c", program)), heard=heard.append) == 3
    assert heard == ["one", "two"]
    assert sorted(capfd.readouterr().err.split()) == ["one", "out", "two"]
