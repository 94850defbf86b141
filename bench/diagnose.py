"""How often `invoke diagnose` names the right cause first, and what a long log costs: `python -m bench.diagnose`.

`--logs DIR` names logs and their labels.yaml, a list of `file` and `cause` (`none` for a log of success). Printed: each
log with another answer, the part that is right, false alarms, and processor seconds and memory for a log of 100 MB.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import yaml

from scripts.command import Command, check, run
from scripts.diagnose.diagnosis import diagnose

RIGHT = 0.95  # the promises
MOST_SECONDS = 10.0
MOST_BYTES = 200 * 10**6
MEGABYTES = 100
HEALTHY = "none"
UNIT = (
    '[{n}/900] "C:\\Program Files\\NVIDIA GPU Computing Toolkit\\CUDA\\v12.4\\bin\\nvcc" -c csrc/unit_{n}.cu -o'
    " build\\temp.win-amd64-cpython-311\\Release\\csrc/unit_{n}.obj -Icsrc\\includes -D__CUDA_NO_HALF_OPERATORS__"
    " -IC:\\venv\\Lib\\site-packages\\torch\\include --expt-relaxed-constexpr -O3 -gencode=arch=compute_80,code=sm_80\n"
    "unit_{n}.cu\ncl : Command line warning D9025 : overriding '/D__CUDA_NO_HALF_OPERATORS__' with '/U...'\n"
    "C:\\venv\\Lib\\site-packages\\torch\\include\\c10/util/Exception.h(77): warning C4275: non dll-interface class\n"
    "2026-11-26T03:14:00.1234567Z copying deepspeed\\runtime\\engine_{n}.py -> build\\lib\\deepspeed\\runtime\n"
)
LAST = "csrc\\includes\\wrappers.h(9): fatal error C1083: Cannot open include file: 'cublas_v2.h': No such file\n"


def answer(log: Path) -> str:
    """The first cause, or that of a healthy log; `unknown` for a failure that no rule knows."""
    found = diagnose([log.read_bytes()])
    return found.findings[0].cause if found.findings else ("unknown" if found.unknown else HEALTHY)


def read_labels(directory: Path) -> list[tuple[str, str]]:
    """File and cause of each log; ends with a message where labels.yaml cannot be read or a log is not there."""
    labels = directory / "labels.yaml"
    try:
        rows = yaml.safe_load(labels.read_text(encoding="utf-8"))
        found = [(str(row["file"]), str(row["cause"])) for row in rows]
    except (OSError, yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise SystemExit(
            f"error: --logs {directory}: {labels.name} is no list of `file` and `cause`: {error}"
        ) from None
    if missing := [file for file, _ in found if not (directory / file).is_file()]:
        raise SystemExit(f"error: --logs {directory}: {missing[0]} of {labels.name} is not there")
    return found


def score(directory: Path) -> tuple[float, int]:
    """The part of the failed logs whose cause is named first, and how many healthy ones raise an alarm."""
    answers = [(file, cause, answer(directory / file)) for file, cause in read_labels(directory)]
    for file, cause, found in answers:
        if found != cause:
            print(f"{file}: {found} instead of {cause}")
    failed = [cause == found for _, cause, found in answers if cause != HEALTHY]
    alarms = sum(found != HEALTHY for _, cause, found in answers if cause == HEALTHY)
    return sum(failed) / max(1, len(failed)), alarms


def long_log(megabytes: int) -> Iterator[bytes]:
    """A long build log that fails in its last line."""
    written, number, units = 0, 0, 1000
    while written < megabytes * 10**6:
        part = "".join([UNIT.format(n=n) for n in range(number, number + units)]).encode()
        yield part
        written, number = written + len(part), number + units
    yield LAST.encode()


def cost() -> tuple[float, int]:
    """Processor seconds and peak bytes of a fresh process that reads a long log."""
    command = Command(argv=(sys.executable, "-m", "bench.diagnose", "--read-long-log"))
    outcome = check(command, run(command))
    seconds = float(outcome.output.split()[-1])
    print(f"{MEGABYTES} MB in {seconds:.1f} CPU s ({outcome.seconds:.1f} s), {outcome.peak_bytes / 1e6:.0f} MB")
    return seconds, outcome.peak_bytes


def main() -> None:
    """Measure and print; exit code 1 when a promise is broken."""
    parser = argparse.ArgumentParser(prog="bench.diagnose")
    parser.add_argument("--logs", type=Path)
    parser.add_argument("--read-long-log", action="store_true")
    options = parser.parse_args()
    if options.read_long_log:
        assert diagnose(long_log(MEGABYTES)).findings[0].cause == "cuda-header-missing"
        print(time.process_time())
        return
    kept = True
    if options.logs:
        right, alarms = score(options.logs)
        print(f"first answer right: {right:.3f}; false alarms: {alarms}")
        kept = right >= RIGHT and alarms == 0
    seconds, memory = cost()
    if not kept or seconds > MOST_SECONDS or memory > MOST_BYTES:
        raise SystemExit("a promise is broken")


if __name__ == "__main__":
    main()
