"""What the machine has, whichever Python runs on it: GPUs, what their driver supports, and vector instructions."""

from __future__ import annotations

import ctypes
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from scripts.command import ask
from scripts.host import driver_cuda

# winnt.h, PF_AVX2_INSTRUCTIONS_AVAILABLE and PF_AVX512F_INSTRUCTIONS_AVAILABLE
WINDOWS_FEATURES = {"avx2": 40, "avx512f": 41}
QUERY = ("nvidia-smi", "--query-gpu=name,compute_cap", "--format=csv,noheader")


@dataclass(frozen=True, kw_only=True)
class Gpu:
    """One NVIDIA GPU."""

    name: str
    capability: str  # "8.6"


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What of the machine decides whether a wheel runs on it."""

    gpus: tuple[Gpu, ...] = ()
    driver_cuda: str | None = None  # the newest CUDA that the driver supports
    cpu_flags: frozenset[str] | None = None  # as the levels' `cpuinfo_flags` name them; None when they cannot be read


def read_machine() -> Machine:
    """The machine this runs on."""
    return Machine(gpus=parse_gpus(ask(QUERY).text or ""), driver_cuda=driver_cuda(), cpu_flags=_cpu_flags())


def parse_gpus(text: str) -> tuple[Gpu, ...]:
    """The GPUs that nvidia-smi lists, `NVIDIA GeForce RTX 3090, 8.6` a line; lines of another form are passed over."""
    matches = (re.fullmatch(r"(.+), (\d+\.\d+)", line.strip()) for line in text.splitlines())
    return tuple(Gpu(name=match[1], capability=match[2]) for match in matches if match)


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
