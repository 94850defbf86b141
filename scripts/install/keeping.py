"""The DeepSpeed that an installation replaces: kept until the new one has shown that it loads, else put back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.carried import carried_file
from scripts.command import ask
from scripts.errors import CommandError

INSIDE = Path(__file__).parent / "inside"
KEEP, LOADS = INSIDE / "keep.py", INSIDE / "loads.py"
SECONDS = 600.0
DRIVER = "libcuda"  # what a module of a CUDA wheel may lack where there is no driver


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """Which ops of an installed DeepSpeed can be loaded."""

    ops: tuple[str, ...]
    without_driver: tuple[str, ...]  # those that wait for a driver

    @property
    def sentence(self) -> str:
        """What works, for people."""
        if not self.ops and not self.without_driver:
            return "it can be imported, and has no compiled ops"
        waits = f"; {', '.join(self.without_driver)} wait for an NVIDIA driver" if self.without_driver else ""
        return f"it can be imported, and each of its {len(self.ops)} ops loads{waits}"


@contextmanager
def kept(python: Path) -> Iterator[None]:
    """Whatever ends the block with an error, the DeepSpeed that was there before is there again.

    One that a killed installation left kept is put back first. Raises CommandError when it cannot be kept.
    """
    _keep(python, "restore")
    _keep(python, "save")
    try:
        yield
    except BaseException:
        _keep(python, "restore")
        raise
    _keep(python, "drop")


def load_all(python: Path) -> Loaded:
    """Which ops load; raises CommandError when DeepSpeed cannot be imported, or an op not be loaded."""
    told = _asked(python)
    failed: dict[str, str] = told["failed"]
    waiting = tuple(op for op, why in failed.items() if DRIVER in why)
    wrong = [f"{op}: {why}" for op, why in failed.items() if op not in waiting]
    problem = told["imports"] or "; ".join(wrong) or (told["report"] and f"ds_report: {told['report']}")
    if problem:
        raise CommandError(
            f"the installed wheel does not load: {problem}; what was there before is there again",
            id="installed-wheel-broken",
        )
    return Loaded(ops=tuple(told["loaded"]), without_driver=waiting)


def _asked(python: Path) -> dict[str, Any]:
    with carried_file(LOADS) as script:
        answer = ask([str(python), str(script)], seconds=SECONDS)
    try:
        told: dict[str, Any] = json.loads(answer.output.strip().splitlines()[-1])
    except (ValueError, IndexError):
        last = (answer.errors.strip().splitlines() or ["nothing"])[-1]
        told = {"imports": f"Python ended with exit code {answer.exit_code}: {last}", "loaded": [], "failed": {}}
    return {"report": None, **told}


def _keep(python: Path, what: str) -> None:
    with carried_file(KEEP) as script:
        answer = ask([str(python), str(script), what], seconds=SECONDS)
    if answer.exit_code:
        last = (answer.errors.strip().splitlines() or ["nothing"])[-1]
        raise CommandError(
            f"the DeepSpeed in the environment of {python} cannot be kept ({what}): {last}; nothing else was changed",
            id="installed-not-kept",
        )
