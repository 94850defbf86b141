"""What the machine has, whichever Python runs on it: graphics cards, their driver, and vector instructions."""

from __future__ import annotations

from dataclasses import dataclass

from scripts.graphics import NO_GRAPHICS, Graphics, read_graphics
from scripts.host import processor_flags


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What of the machine decides whether a wheel runs on it."""

    graphics: Graphics = NO_GRAPHICS
    cpu_flags: frozenset[str] | None = None  # as the levels' `cpuinfo_flags` name them; None when they cannot be read


def read_machine() -> Machine:
    """The machine this runs on."""
    return Machine(graphics=read_graphics(), cpu_flags=processor_flags())
