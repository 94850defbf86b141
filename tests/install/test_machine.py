"""What the machine says of its processor is read as it is printed."""

from __future__ import annotations

import sys

import pytest

from scripts.host import parse_processor_flags
from scripts.install.machine import read_machine


def test_the_flags_of_the_processor_are_read() -> None:
    assert parse_processor_flags("processor: 0\nflags\t\t: fpu avx2\nprocessor: 1\n") == frozenset({"fpu", "avx2"})
    assert parse_processor_flags("processor : 0\nFeatures : asimd\n") is None


@pytest.mark.skipif(sys.platform not in ("linux", "win32"), reason="read on these two only")
def test_this_machine_can_be_read() -> None:
    flags = read_machine().cpu_flags
    assert flags is None or isinstance(flags, frozenset)
