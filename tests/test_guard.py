"""Whatever ends one of our processes ends all that it started, and nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from scripts.guard import GUARD, MARK, carriers, end_carriers, new_name
from tests.wheel_build.factories import driver_command, repository_variables

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Windows has a job object; tests/wine closes it")

# `invoke`: it waits for a program in front. That one starts a compiler, whose child's child is an orphan in a session
# of its own and cannot be asked to end. All note their process ids.
IN_FRONT = """
import sys
from scripts.command import Command, run_in_front
from scripts.commands.reported_errors import reported
with reported():
    try:
        run_in_front(Command(argv=(sys.executable, "-c", *sys.argv[1:])))
    finally:
        open(sys.argv[3] + ".locks", "w").write("given back")
"""
SESSION = """
import os, sys
from scripts.command import Command, run
from scripts.stop_signals import StopSignal, raise_on_signals
raise_on_signals()
open(sys.argv[2], "a").write(f"{os.getpid()} ")
try:
    run(Command(argv=("sh", "-c", sys.argv[1])))
except StopSignal as stop:
    open(sys.argv[2] + ".report", "a").write(str(stop))
    sys.exit(130)
"""
ORPHAN = "trap '' TERM HUP INT; echo $$ >> {folder}/pids; while :; do sleep 0.5; done"
COMPILER = "setsid setsid -f sh {folder}/orphan; echo $$ >> {folder}/pids; sleep 60"
GENTLE = {"SIGINT": 130, "SIGTERM": 143, "SIGHUP": 129}


@dataclass
class Run:
    """One such family, and the name that all of it carries."""

    folder: Path
    name: str
    process: subprocess.Popen[str]
    said: str = ""

    @property
    def pids(self) -> list[int]:
        """The session, the compiler and the orphan, as soon as all are there."""
        file = self.folder / "pids"
        return [int(word) for word in file.read_text().split()] if file.exists() else []


def start(folder: Path) -> Run:
    """The family, as soon as all of it is there."""
    folder.mkdir()
    name = new_name()
    (folder / "orphan").write_text(ORPHAN.format(folder=folder))
    process = subprocess.Popen(
        driver_command(IN_FRONT, SESSION, COMPILER.format(folder=folder), f"{folder}/pids"),
        env={**repository_variables(), MARK: name},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    return Run(folder=folder, name=name, process=process)


def wait_until(holds: Callable[[], bool], seconds: float = 60.0) -> bool:
    end = time.monotonic() + seconds
    while not holds() and time.monotonic() < end:
        time.sleep(0.02)
    return holds()


def lives(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Run]]:
    """By signal, what is left of a family whose first process got it; all at once, since each takes its grace."""
    folder = tmp_path_factory.mktemp("families")
    runs = {name: start(folder / name.replace(" ", "-")) for name in (*GENTLE, "SIGKILL", "session SIGKILL")}
    try:
        for run in runs.values():
            assert wait_until(lambda run=run: len(run.pids) == 3)  # type: ignore[misc]
        for name, run in runs.items():
            os.kill(run.pids[0] if "session" in name else run.process.pid, getattr(signal, name.split()[-1]))
        for run in runs.values():
            run.said = run.process.communicate(timeout=60)[1]
        yield runs
    finally:
        for run in runs.values():
            end_carriers(run.name)
            run.process.communicate()


@pytest.mark.parametrize("name", [*GENTLE, "SIGKILL", "session SIGKILL"])
def test_a_signal_leaves_nothing_of_the_session_the_compiler_and_its_orphan(name: str, stopped: dict[str, Run]) -> None:
    run = stopped[name]
    assert len(run.pids) == 3
    assert wait_until(lambda: carriers(run.name) == [], 10)
    assert [pid for pid in run.pids if lives(pid)] == []


@pytest.mark.parametrize("name", GENTLE)
def test_a_stop_ends_in_good_order_with_the_conventional_exit_code(name: str, stopped: dict[str, Run]) -> None:
    run = stopped[name]
    assert run.process.returncode == GENTLE[name]
    assert (run.folder / "pids.report").read_text() == name
    assert (run.folder / "pids.locks").exists()
    assert run.said == f"error[interrupted]: stopped by {'Ctrl-C' if name == 'SIGINT' else name}\n"


def test_the_guard_outlives_its_process_only_for_what_is_left(stopped: dict[str, Run]) -> None:
    def guards() -> list[psutil.Process]:
        words = [process for process in psutil.process_iter(["cmdline"]) if process.info["cmdline"]]
        ours = {run.process.pid for run in stopped.values()}
        return [one for one in words if any(f"{pid}-" in one.info["cmdline"][-1] for pid in ours)]

    assert wait_until(lambda: guards() == [], 10)


def test_what_another_process_started_is_left_alone() -> None:
    ours, others = new_name(), new_name()
    sleeper = ["sleep", "60"]
    with (
        subprocess.Popen(sleeper, env={MARK: f"{others}/{ours}/{new_name()}"}) as inside,
        subprocess.Popen(sleeper, env={MARK: f"{others}/{ours}x", "OTHER": ours}) as outside,
    ):
        end_carriers(ours)
        assert inside.wait(5) == -signal.SIGTERM
        assert outside.poll() is None
        outside.kill()


def test_a_mark_names_every_process_of_ours_on_the_way() -> None:
    first = GUARD.marked({})[MARK]
    inherited = subprocess.run(
        driver_command("from scripts.guard import GUARD, MARK; print(GUARD.marked({})[MARK])"),
        env=GUARD.marked(repository_variables()),
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    assert inherited.startswith(f"{first}/")
    assert GUARD.marked({}) == {MARK: first}


def test_a_copy_of_a_process_does_not_hold_its_guard_back() -> None:
    program = (
        "import os, sys, time\n"
        "from scripts.guard import GUARD\n"
        "print(GUARD.marked({}), flush=True)\n"
        "if os.fork() == 0:\n"
        "    if os.fork() == 0:\n"
        "        open('/dev/null').read()\n"
        "        time.sleep(60)\n"
        "    os._exit(0)\n"
        "time.sleep(60)\n"
    )
    outer = new_name()
    with subprocess.Popen(
        driver_command(program), env={**repository_variables(), MARK: outer}, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        mark = process.stdout.readline().split("'")[3]
        with subprocess.Popen(["sleep", "60"], env={MARK: mark}) as compiler:
            process.kill()
            assert compiler.wait(10) == -signal.SIGTERM
        end_carriers(outer)


def test_what_its_caller_ignores_a_process_ignores_too() -> None:
    program = (
        "import os, signal\nfrom scripts.stop_signals import stop_signals\n"
        "with stop_signals() as stops:\n"
        "    os.kill(os.getpid(), signal.SIGHUP)\n"
        "    print('still here', stops.exit_code)\n"
    )
    words = driver_command(program)
    said = subprocess.run(["nohup", *words], env=repository_variables(), capture_output=True, text=True, check=True)
    assert said.stdout == "still here 0\n"
