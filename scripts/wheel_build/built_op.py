"""A finished op, and what it cost."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.command import Outcome
from scripts.wheel_build.recipe import OpRecipe

COMPILED, CACHED = "compiled", "cache"


@dataclass(frozen=True, kw_only=True)
class BuiltOp:
    """One finished op: where its binary lies, its path in the wheel, and what it cost."""

    op: str
    module: str
    file: str
    binary: Path
    key: str
    cached: bool
    origin: str = COMPILED  # or CACHED, or the name of the published wheel that it was taken out of
    seconds: float  # summed over its units and the link; what it had cost when it comes from the cache
    peak_bytes: int


@dataclass
class OpCost:
    """What compiling one op has cost so far; several threads add to it."""

    seconds: float = 0.0
    peak_bytes: int = 0
    thread_peaks: dict[str, int] = field(default_factory=dict)  # step -> bytes of one compiler thread
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, outcome: Outcome, step: str = "", threads: int = 1) -> None:
        """Count one compiler's run, of a `step` that used so many threads."""
        with self.lock:
            self.seconds += outcome.seconds
            self.peak_bytes = max(self.peak_bytes, outcome.peak_bytes)
            if step:
                self.thread_peaks[step] = max(self.thread_peaks.get(step, 0), outcome.peak_bytes // threads)

    def meta(self, op: OpRecipe) -> dict[str, Any]:
        """What the op cache keeps beside the op's binary."""
        return {
            "op": op.op,
            "file": op.file,
            "seconds": self.seconds,
            "peak_bytes": self.peak_bytes,
            "thread_peaks": self.thread_peaks,
        }
