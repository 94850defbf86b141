"""What a compiler's output says: whether it was killed, and the lines that name the error."""

from __future__ import annotations

import re
from collections.abc import Mapping

from scripts.command import Outcome
from scripts.disk_space import said_full
from scripts.errors import WheelsError

NT_ERROR = 0xC0000000  # from here on an exit code of Windows is the fault that ended the program
OUT_OF_MEMORY = re.compile("Killed signal|C1060|C1076")  # g++, and cl when its heap is full
ERROR = re.compile("error|cannot find|undefined reference", re.IGNORECASE)  # ld says no "error" where it matters


def was_killed(outcome: Outcome) -> bool:
    """Whether the compiler was ended from outside, as the kernel does when memory runs out."""
    return outcome.exit_code < 0 or outcome.exit_code >= NT_ERROR or bool(OUT_OF_MEMORY.search(outcome.output))


def failure_of(outcome: Outcome) -> str:
    """The first error lines of a compiler that failed; one that was killed may have said nothing."""
    errors = first_errors(outcome.output)
    if outcome.exit_code >= 0 or OUT_OF_MEMORY.search(errors):
        return errors
    return f"{errors}\nthe compiler was terminated by signal {-outcome.exit_code}"


def first_errors(output: str, count: int = 5) -> str:
    """The first lines that say what is wrong; the last lines when none does."""
    lines = [line for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if ERROR.search(line) or said_full(line)]
    return "\n".join((errors or lines[-count:])[:count]) or "no output"


def failure_message(failed: Mapping[str, WheelsError]) -> str:
    """The message about tasks that failed, by their names."""
    lines = [f"{len(failed)} task{'s' if len(failed) > 1 else ''} failed; every other op is finished and kept"]
    return "\n".join([*lines, *(f"- {name}: {error}" for name, error in failed.items())])
