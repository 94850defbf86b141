"""What the machine says of its GPUs and processor is read as it is printed."""

from __future__ import annotations

import sys

import pytest

from scripts.install.machine import Gpu, parse_cpu_flags, parse_gpus, read_machine


def test_each_gpu_has_its_name_and_capability() -> None:
    text = "NVIDIA GeForce RTX 3090, 8.6\nNVIDIA H100 80GB HBM3, PCIe, 9.0\n"
    assert parse_gpus(text) == (
        Gpu(name="NVIDIA GeForce RTX 3090", capability="8.6"),
        Gpu(name="NVIDIA H100 80GB HBM3, PCIe", capability="9.0"),
    )


@pytest.mark.parametrize("text", ["", "No devices were found\n", "NVIDIA-SMI has failed: no driver"])
def test_what_is_no_list_of_gpus_holds_none(text: str) -> None:
    assert parse_gpus(text) == ()


def test_the_flags_of_the_processor_are_read() -> None:
    assert parse_cpu_flags("processor: 0\nflags\t\t: fpu avx2\nprocessor: 1\n") == frozenset({"fpu", "avx2"})
    assert parse_cpu_flags("processor : 0\nFeatures : asimd\n") is None


@pytest.mark.skipif(sys.platform not in ("linux", "win32"), reason="read on these two only")
def test_this_machine_can_be_read() -> None:
    flags = read_machine().cpu_flags
    assert flags is None or isinstance(flags, frozenset)
