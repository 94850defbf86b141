"""What the machine has, whichever Python runs on it: graphics cards, their driver, and vector instructions."""

from __future__ import annotations

import ctypes
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from scripts.graphics import NO_GRAPHICS, Graphics, read_graphics

# winnt.h, PF_AVX2_INSTRUCTIONS_AVAILABLE and PF_AVX512F_INSTRUCTIONS_AVAILABLE
WINDOWS_FEATURES = {"avx2": 40, "avx512f": 41}


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What of the machine decides whether a wheel runs on it."""

    graphics: Graphics = NO_GRAPHICS
    cpu_flags: frozenset[str] | None = None  # as the levels' `cpuinfo_flags` name them; None when they cannot be read


def read_machine() -> Machine:
    """The machine this runs on."""
    return Machine(graphics=read_graphics(), cpu_flags=_cpu_flags())


def parse_cpu_flags(text: str) -> frozenset[str] | None:
    """The flags of the first processor in the text of /proc/cpuinfo; None when it lists none."""
    match = re.search(r"^flags\s*:(.*)$", text, re.M)
    return frozenset(match[1].split()) if match else None


if sys.platform == "win32":

    def _cpu_flags() -> frozenset[str] | None:
        has = ctypes.windll.kernel32.IsProcessorFeaturePresent
        return frozenset(name for name, feature in WINDOWS_FEATURES.items() if has(feature))

else:

    def _cpu_flags() -> frozenset[str] | None:
        try:
            return parse_cpu_flags(Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace"))
        except OSError:
            return None
