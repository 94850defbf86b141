"""`invoke` that ends itself when it touches a folder for the n-th time.

`python -m bench.faults.doomed FOLDER N PAUSE WORDS...`: to open, rename, remove, make or link a path below the folder
counts. PAUSE seconds later it is over: 0 is before that one is done, a little more in the midst of what follows.
Without a kill it says how often it was.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from scripts.dirs import CHECKOUT

EVENTS = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.truncate")
COUNTED = "touched "
KILLED = 86  # the exit code


def run_doomed(
    folder: Path, words: Sequence[str], *, touches: int, pause: float = 0, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """How `invoke` with these words ended; `touches` is how many of the folder it survives."""
    argv = [sys.executable, "-m", "bench.faults.doomed", str(folder), str(touches), str(pause), *words]
    return subprocess.run(
        argv,
        cwd=CHECKOUT,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def count_touches(folder: Path, words: Sequence[str], env: dict[str, str] | None = None) -> int:
    """How often an undisturbed `invoke` touches the folder."""
    said = run_doomed(folder, words, touches=10**9, env=env).stderr
    return int(said.rpartition(COUNTED)[2])


def main(folder: str, touches: int, pause: float, words: Sequence[str]) -> None:
    """Run `invoke` until the end."""
    from invoke.program import Program

    seen = 0

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal seen
        if event in EVENTS and any(isinstance(path, str) and path.startswith(folder) for path in map(_path, arguments)):
            seen += 1
            if seen == touches and pause:
                threading.Timer(pause, os._exit, [KILLED]).start()
            elif seen == touches:
                os._exit(KILLED)

    sys.addaudithook(watch)
    try:
        Program(version="0").run(["invoke", *words])
    finally:
        sys.stderr.write(f"{COUNTED}{seen}\n")


def _path(argument: object) -> object:
    return os.fspath(argument) if isinstance(argument, os.PathLike) else argument


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.argv[4:])
