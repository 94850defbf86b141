"""The processes of one part: forked or started, waited for with a limit of time, and ended with all they started.

Imported by preloaded; standard library only, but psutil, which DeepSpeed requires.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import prebuilt  # type: ignore[import-not-found,unused-ignore]

SHARED = Path("/dev/shm")  # where DeepSpeed's op for shared memory has its buffers
LAST_LINES = 4  # of what a program that broke off had printed


def slowness() -> float:
    """By how much longer than alone a program may take here: others want the processors, too."""
    load = 0.0
    if sys.platform != "win32":
        load = os.getloadavg()[0]
    return max(1.0, load / (os.cpu_count() or 1))


def free_port() -> int:
    """A port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def forget_buffers(port: int, shared: Path = SHARED) -> None:
    """Remove the buffers of processes that met at this port: 69 MB of memory each, which DeepSpeed never frees.

    Source: csrc/cpu/comm/shm.cpp of 0.14.5 to 0.19.8; it names them by user, address, port and rank.
    """
    for buffer in shared.glob(f"deepspeed_allreduce_buffer_*_{port}_*"):
        buffer.unlink(missing_ok=True)


def variables(part: dict[str, Any], rank: int, world: int, port: int, stage: int) -> dict[str, str]:
    """What a launcher would set for this process, and what the part's programs ask for."""
    return {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(world),
        "LOCAL_SIZE": str(world),
        "LOCAL_WORLD_SIZE": str(world),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "OMP_NUM_THREADS": str(part["threads"]),
        "PART_STAGE": str(stage),
        "CRASHING_OPS": json.dumps(part["crashing"]),
        **({"GLOO_SOCKET_IFNAME": "lo"} if sys.platform == "linux" else {}),
        **({"USE_LIBUV": "0"} if os.name == "nt" else {}),
    }


class RankProcess:
    """One process: its exit code once it has one, and the CPU seconds of it and of what it waited for."""

    def __init__(self, pid: int, output: Path, process: subprocess.Popen[bytes] | None = None) -> None:
        self.pid, self.output, self.process = pid, output, process
        self.code: int | None = None
        self.cpu = 0.0
        self.stopped = False  # by us

    def poll(self) -> int | None:
        """The exit code; None while it runs."""
        if self.code is None:
            self._look()
        return self.code

    if sys.platform == "win32":

        def _look(self) -> None:
            self.code = self.process.poll() if self.process else None

    else:

        def _look(self) -> None:
            pid, status, usage = os.wait4(self.pid, os.WNOHANG)
            if pid:
                self.code = os.waitstatus_to_exitcode(status)
                self.cpu = usage.ru_utime + usage.ru_stime
                if self.process:
                    self.process.returncode = self.code

    def end(self) -> None:
        """End it and all that it started."""
        self.stopped = self.code is None
        import psutil  # type: ignore[import-untyped,unused-ignore]

        try:
            tree = [*psutil.Process(self.pid).children(recursive=True), psutil.Process(self.pid)]
        except psutil.NoSuchProcess:
            return
        for process in tree:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue


def ended(words: Sequence[str], seconds: float) -> tuple[int, str]:
    """The exit code of a program that is waited for, and both its outputs."""
    ran = subprocess.run(words, capture_output=True, text=True, timeout=seconds, check=False)
    return ran.returncode, ran.stdout + ran.stderr


if sys.platform != "win32":

    def forked(body: Callable[[], NoReturn], output: Path) -> RankProcess:
        """A copy of this process that runs `body`."""
        pid = os.fork()
        if pid == 0:
            body()
        return RankProcess(pid, output)


def spawned(words: list[str], more: dict[str, str], folder: Path, output: Path) -> RankProcess:
    """A program of its own, with these variables added."""
    with output.open("ab") as file:
        process = subprocess.Popen(
            words,
            cwd=folder,
            env={**os.environ, **more},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    return RankProcess(process.pid, output, process)


class Crew:
    """The processes of one stage of a part, and what those of the stages before took and said."""

    def __init__(self, part: dict[str, Any], stage: int, members: list[RankProcess], slots: int, port: int) -> None:
        self.part, self.stage, self.members, self.slots, self.port = part, stage, members, slots, port
        self.started = self.begun = time.monotonic()  # this stage, and the first one
        self.seconds = 0.0
        self.failed_at: float | None = None
        self.late = False
        self.earlier: Crew | None = None

    def after(self, earlier: Crew) -> Crew:
        """This one, as the stage that follows `earlier`."""
        self.earlier, self.begun = earlier, earlier.begun
        return self

    def ended(self, grace: float) -> bool:
        """Whether all have ended; those that outlive the limit, or another's failure by `grace`, are ended."""
        codes = [member.poll() for member in self.members]
        now = time.monotonic()
        if any(codes) and self.failed_at is None:
            self.failed_at = now
        self.late = self.late or (None in codes and now > self.begun + self.part["seconds"] * slowness())
        if None in codes:
            if self.late or (self.failed_at is not None and now > self.failed_at + grace):
                for member in self.members:
                    member.end()
            return False
        forget_buffers(self.port)
        self.seconds = now - self.started + (self.earlier.seconds if self.earlier else 0.0)
        return True

    @property
    def broken(self) -> bool:
        """Whether a process ended badly."""
        return self.late or any(member.code for member in self.members)

    def cost(self) -> dict[str, float]:
        """Wall seconds, and the CPU seconds of all processes."""
        cpu, crew = 0.0, self
        while crew:
            cpu += sum(member.cpu for member in crew.members)
            crew = crew.earlier  # type: ignore[assignment,unused-ignore]
        return {"seconds": round(self.seconds, 3), "cpu_seconds": round(cpu, 3)}

    def text(self) -> str:
        """What the processes printed, the stages one after the other."""
        before = self.earlier.text() if self.earlier else ""
        return before + "".join(member.output.read_text("utf-8", "replace") for member in self.members)

    def checks(self) -> list[prebuilt.Check]:
        """The answers; one that any process gave otherwise than passed is that process's, and a broken end is one."""
        found: dict[str, prebuilt.Check] = {}
        for line in self.text().splitlines():
            if line.startswith('{"check":'):
                entry = read_entry(line)
                known = found.get(entry["name"]) if entry else None
                if entry and (known is None or rank_of(entry) < rank_of(known)):
                    found[entry["name"]] = entry
        name = self.part["name"]
        if self.broken and not any(entry["passed"] is False for entry in found.values()):
            found[name] = prebuilt.check(name, False, self.last_words())
        elif not found:
            found[name] = prebuilt.check(name, False, f"answered nothing; {self.last_words()}")
        return list(found.values())

    def last_words(self) -> str:
        """How the first process that ended badly did so, and what it said last."""
        bad = min(self.members, key=lambda member: (not member.code, member.stopped))
        text = bad.output.read_text("utf-8", "replace")
        said = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith('{"check')]
        how = f"took longer than {self.part['seconds']:g} s" if self.late else f"exit code {bad.code}"
        return f"{how}, last output: {' | '.join(said[-LAST_LINES:]) or 'none'}"


def read_entry(line: str) -> prebuilt.Check | None:
    """The answer that a line holds; None when another process wrote into it."""
    try:
        return dict(json.loads(line)["check"])
    except (ValueError, KeyError, TypeError):
        return None


def rank_of(entry: prebuilt.Check) -> int:
    """Failed before skipped before passed."""
    return {False: 0, None: 1, True: 2}[entry["passed"]]
