"""What `invoke find` answers on machines of every kind, everything being published: a table for a person to read.

`DEEPSPEED_WHEELS_WRITE_GOLDEN=1 python -m pytest tests/commands/test_machines.py` writes it anew; read the difference.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from scripts.commands import wheel_choice
from scripts.commands.find_task import find
from scripts.commands.install_options import FindOptions
from scripts.errors import WheelsError
from scripts.graphics import Gpu, Graphics, parse_gpus
from scripts.install.environment import Environment, Torch
from scripts.install.machine import Machine
from scripts.wheel.published import Published
from tests.commands.test_wheel_choice import everything
from tests.install.factories import make_environment

__all__ = ["everything"]
GOLDEN = Path(__file__).parent / "golden" / "machines.txt"
WIN, LINUX = "win_amd64", "linux_x86_64"
FACTS = 7  # lines of `find` that repeat the environment

# platform | Python | torch, its variant | GPU | driver, its CUDA | libc or the installed DeepSpeed | --deepspeed
TABLE = """
win_amd64 | 3.12 | | NVIDIA GeForce RTX 4070, 8.9 | 610.43.02 13.3 | |
win_amd64 | 3.11 | 2.11.0.dev20251217+cu128 cu128 | NVIDIA GeForce RTX 5090, 12.0 | 580.65 13.0 | |
linux_x86_64 | 3.11 | 2.7.0+cu126 cu126 | NVIDIA A100-SXM4-80GB, 8.0 | 570.86 12.8 | glibc 2.28 |
linux_x86_64 | 3.11 | 2.7.0+cu126 cu126 | NVIDIA A100-SXM4-80GB, 8.0 | 570.86 12.8 | glibc 2.39 |
win_amd64 | 3.12 | 2.9.1+rocmsdk20260116 rocm | AMD Radeon RX 9070 XT | | |
linux_x86_64 | 3.10 | 2.9.1+cu130 cu130 | NVIDIA A10G, 8.6 | 550.54 12.4 | glibc 2.35 |
win_amd64 | 3.12 | 2.7.0+cu126 cu126 | NVIDIA GeForce RTX 5060 Ti, 12.0 | 572.83 12.8 | |
win_amd64 | 3.12 | 2.9.0 cpu | NVIDIA GeForce RTX 4060, 8.9 | 572.83 12.8 | |
win_amd64 | 3.14t | 2.10.0+cu130 cu130 | NVIDIA GeForce RTX 5080, 12.0 | 580.65 13.0 | |
linux_aarch64 | 3.12 | 2.10.0a0+b558c986e8.nv25.11 cu130 | NVIDIA GB10, 12.1 | 580.95 13.0 | glibc 2.39 |
win_amd64 | 3.12 | 2.7.0+cu126 cu126 | NVIDIA GeForce RTX 3060, 8.6 | 572.83 12.8 | 0.16.5+cu124torch2.6 |
win_amd64 | 3.10 | 2.2.2+cu118 cu118 | NVIDIA GeForce RTX 3070, 8.6 | 550.54 12.4 | | 0.14.0
win_amd64 | 3.10 | 2.4.1+cu121 cu121 | NVIDIA GeForce RTX 3080, 8.6 | 550.54 12.4 | |
linux_x86_64 | 3.9 | 2.6.0+cu124 cu124 | NVIDIA A100, 8.0 | 550.54 12.4 | glibc 2.35 |
linux_x86_64 | 3.11 | 2.7.1+cu128 cu128 | NVIDIA GeForce RTX 4090, 8.9 | 570.86 12.8 | glibc 2.35 |
win_amd64 | 3.11 | 2.2.2+cu121 cu121 | NVIDIA GeForce RTX 3090, 8.6 | 550.54 12.4 | |
win_amd64 | 3.10 | 2.2.0+cu118 cu118 | NVIDIA GeForce GTX 1660, 7.5 | 550.54 12.4 | |
win_amd64 | 3.14 | | AMD Radeon RX 7900 XTX | | |
linux_x86_64 | 3.11 | | NVIDIA GeForce GTX 1080 Ti, 6.1 | 580.65 13.0 | glibc 2.35 |
linux_x86_64 | 3.12 | | Tesla V100-SXM2-16GB, 7.0 | 580.65 13.0 | glibc 2.35 |
linux_x86_64 | 3.12 | | Tesla T4, 7.5 | 535.104 12.2 | glibc 2.35 |
linux_x86_64 | 3.12 | | NVIDIA H100 80GB HBM3, 9.0 | 580.65 13.0 | glibc 2.39 |
linux_x86_64 | 3.13 | | NVIDIA B200, 10.0 | 580.65 13.0 | glibc 2.39 |
linux_x86_64 | 3.11 | | NVIDIA GeForce GTX 960, 5.2 | 550.54 12.4 | glibc 2.35 |
linux_x86_64 | 3.11 | | NVIDIA GeForce RTX 3090, 8.6 | 470.57 11.4 | glibc 2.35 |
linux_x86_64 | 3.11 | | | | glibc 2.36 |
linux_x86_64 | 3.11 | 2.13.0+cpu cpu | | | glibc 2.36 |
linux_x86_64 | 3.11 | 2.13.0 cu130 | NVIDIA L4, 8.9 | 580.65 13.0 | glibc 2.36 |
linux_x86_64 | 3.12 | | | | musl |
linux_x86_64 | 3.12 | 2.9.1+cpu cpu | | | glibc 2.17 |
linux_x86_64 | 3.8 | 2.4.1+cu121 cu121 | NVIDIA A100, 8.0 | 550.54 12.4 | glibc 2.31 |
linux_x86_64 | 3.9 | 2.8.0+cu128 cu128 | NVIDIA A100, 8.0 | 570.86 12.8 | glibc 2.31 |
linux_x86_64 | 3.13 | 2.5.1+cu124 cu124 | NVIDIA A100, 8.0 | 570.86 12.8 | glibc 2.39 |
linux_x86_64 | 3.13t | 2.9.1+cu128 cu128 | NVIDIA A100, 8.0 | 570.86 12.8 | glibc 2.39 |
linux_x86_64 | 3.15 | 2.15.0+cu130 cu130 | NVIDIA A100, 8.0 | 580.65 13.0 | glibc 2.39 |
linux_x86_64 | 3.16 | | NVIDIA A100, 8.0 | 580.65 13.0 | glibc 2.39 |
linux_x86_64 | 3.12 | 2.9.1+xpu xpu | Intel Arc A770 | | glibc 2.39 |
linux_x86_64 | 3.12 | 2.9.1+rocm6.4 rocm | AMD Instinct MI300X | | glibc 2.39 |
linux_x86_64 | 3.12 | 2.10.0rc2+cu130 cu130 | NVIDIA A100, 8.0 | 580.65 13.0 | glibc 2.39 |
linux_x86_64 | 3.12 | 1.13.1+cu117 cu117 | NVIDIA A100, 8.0 | 580.65 13.0 | glibc 2.39 |
linux_x86_64 | 3.12 | 2.6.0+cu124 cu124 | NVIDIA A100, 8.0 | | glibc 2.39 |
linux_x86_64 | 3.12 | 2.6.0+cu124 cu124 | | | glibc 2.39 |
linux_x86_64 | 3.12 | 2.6.0+cu126 cu126 | NVIDIA A100, 8.0 | 535.104 12.2 | glibc 2.39 |
linux_x86_64 | 3.12 | 2.6.0+cu118 cu118 | NVIDIA A100, 8.0 | 470.57 11.4 | glibc 2.39 |
linux_x86_64 | 3.12 | 2.6.0+cu124 cu124 | NVIDIA A100, 8.0 | 570.86 12.8 | glibc 2.39 | 0.16
linux_x86_64 | 3.12 | 2.6.0+cu124 cu124 | NVIDIA A100, 8.0 | 570.86 12.8 | glibc 2.39 | 0.13.1
linux_x86_64 | 3.12 | 2.6.0+cu124 cu124 | NVIDIA A100, 8.0 | 570.86 12.8 | 0.16.5+cu124torch2.6 |
linux_x86_64 | 3.12 | 2.6.0+cu124 cu124 | NVIDIA A100, 8.0 | 570.86 12.8 | 0.19.8+cu124torch2.5 |
linux_armv7l | 3.11 | | | | glibc 2.36 |
linux_i686 | 3.11 | | | | glibc 2.36 |
win32 | 3.11 | | NVIDIA GeForce RTX 3060, 8.6 | 572.83 12.8 | |
win_arm64 | 3.12 | | | | |
macosx_14_0_arm64 | 3.12 | 2.9.1 cpu | | | |
macosx_10_13_x86_64 | 3.11 | | | | |
win_amd64 | 3.12 | | | | |
win_amd64 | 3.12 | 2.15.0+cu132 cu132 | NVIDIA GeForce RTX 5090, 12.0 | 610.43.02 13.3 | |
win_amd64 | 3.11 | 2.5.1+cu124 cu124 | NVIDIA GeForce RTX 3060, 8.6 | 572.83 12.8 | |
win_amd64 | 3.11 | 2.6.0+cu124 cu124 | NVIDIA GeForce RTX 5070, 12.0 | 576.02 12.9 | |
win_amd64 | 3.11 | 2.8.0+cu128 cu128 | NVIDIA GeForce GTX 1080, 6.1 | 576.02 12.9 | |
win_amd64 | 3.11 | 2.8.0+cu129 cu129 | NVIDIA GeForce RTX 4090, 8.9 | 576.02 12.9 | |
win_amd64 | 3.9 | 2.3.1+cu121 cu121 | NVIDIA GeForce RTX 2080, 7.5 | 551.86 12.4 | | 0.14
win_amd64 | 3.8 | 2.3.1+cu118 cu118 | NVIDIA GeForce RTX 2080, 7.5 | 551.86 12.4 | |
win_amd64 | 3.13 | 2.4.1 cpu | | | |
win_amd64 | 3.12 | 2.7.1+cu128 cu128 | NVIDIA GeForce RTX 3090, 8.6; NVIDIA GeForce RTX 5090, 12.0 | 576.02 12.9 | |
win_amd64 | 3.12 | | Intel UHD Graphics 770 | | |
win_amd64 | 3.12 | | Intel UHD Graphics 770; NVIDIA GeForce RTX 4050, 8.9 | 560.94 12.6 | |
win_amd64 | 3.13 | 2.8.0+cu128 cu128 | NVIDIA GeForce RTX 4070, 8.9 | 576.02 12.9 | |
win_amd64 | 3.10 | 2.7.0+cu128 cu128 | NVIDIA GeForce RTX 3090, 8.6 | 572.83 12.8 | |
win_amd64 | 3.12 | 2.4.1+cu124 cu124 | NVIDIA GeForce RTX 3060, 8.6 | 560.94 12.6 | |
linux_x86_64 | 3.10 | | NVIDIA GeForce RTX 3060, 8.6 | 546.80 | glibc 2.35 |
linux_x86_64 | 3.10 | 2.7.1+cu126 cu126 | NVIDIA GeForce RTX 3060, 8.6 | 546.80 | glibc 2.35 |
linux_x86_64 | 3.8 | 1.11.0+cu113 cu113 | NVIDIA GeForce RTX 3090, 8.6 | 516.94 11.6 | glibc 2.35 |
linux_x86_64 | 3.10 | 2.7.1+cu126 cu126 | NVIDIA A100-SXM4-80GB, 8.0 | 550.54 12.4 | glibc 2.31 |
linux_x86_64 | 3.10 | 2.2.0a0+6a974be cu123 | NVIDIA H100 80GB HBM3, 9.0 | 545.23 12.3 | glibc 2.35 |
linux_x86_64 | 3.13 | 2.11.0+cu128 cu128 | NVIDIA GeForce RTX 4090, 8.9 | 570.86 12.8 | glibc 2.39 |
linux_x86_64 | 3.10 | 2.1.0+cu118 cu118 | NVIDIA GeForce RTX 2080 Ti, 7.5 | 470.57 11.4 | glibc 2.27 |
linux_x86_64 | 3.10 | 2.0.1+cu118 cu118 | NVIDIA GeForce RTX 5090, 12.0 | 575.57 12.9 | glibc 2.35 |
linux_aarch64 | 3.8 | 2.0.0a0+ec3941ad.nv23.02 cu114 | | | glibc 2.31 |
linux_x86_64 | 3.12 | 2.8.0+cu129 cu129 | NVIDIA A100-SXM4-80GB, 8.0 | 570.86 12.8 | glibc 2.35 |
linux_x86_64 | 3.12 | 2.9.1+cu130 cu130 | NVIDIA H100 80GB HBM3, 9.0 | 535.183 12.2 | glibc 2.35 |
linux_x86_64 | 3.11 | 2.6.0+cu124 cu124 | Tesla P100-PCIE-16GB, 6.0 | 560.35 12.6 | glibc 2.35 |
linux_x86_64 | 3.12 | 2.8.0+cu128 cu128 | Tesla P100-PCIE-16GB, 6.0 | 570.86 12.8 | glibc 2.35 |
linux_x86_64 | 3.12 | 2.8.0+cu126 cu126 | Tesla T4, 7.5 | 550.54 12.4 | glibc 2.35 |
linux_x86_64 | 3.12 | 2.10.0+cu128 cu128 | Tesla V100-SXM2-16GB, 7.0 | 570.86 12.8 | glibc 2.39 |
win_amd64 | 3.11 | | NVIDIA GeForce GTX 1650, 7.5; AMD Radeon(TM) Graphics | 566.14 12.7 | |
win_amd64 | 3.12 | 2.8.0+xpu xpu | Intel(R) Arc(TM) B580 Graphics | | |
win_amd64 | 3.11 | | NVIDIA GeForce GT 710, 3.5 | 474.44 11.4 | |
win_amd64 | 3.11 | 2.7.1+cu118 cu118 | NVIDIA GeForce GTX 960, 5.2 | 551.86 12.4 | |
linux_x86_64 | 3.12 | 2.9.1+cu130 cu130 | NVIDIA B300 SXM6 AC, 10.3 | 580.95 13.0 | glibc 2.39 |
linux_x86_64 | 3.12 | 2.9.1+cu128 cu128 | NVIDIA RTX PRO 6000 Blackwell, 12.0 | 580.95 13.0 | glibc 2.39 |
linux_x86_64 | 3.11 | 2.7.0a0+gitbd5af2c cu128 | NVIDIA A100, 8.0 | 570.86 12.8 | glibc 2.35 |
win_amd64 | 3.12 | 2.5.1+cu124 cu124 | NVIDIA GeForce RTX 4090, 8.9 | 560.94 12.6 | 0.16.5+cu124torch2.5 |
linux_x86_64 | 3.12 | 2.13.0+cpu cpu | NVIDIA A100, 8.0 | 580.65 13.0 | glibc 2.39 |
win_amd64 | 3.11 | 2.3.0+cu121 cu121 | NVIDIA RTX A2000 Laptop GPU, 8.6 | 551.86 12.4 | | 0.14.5
win_amd64 | 3.11 | 2.9.1+cu126 cu126 | NVIDIA GeForce GTX 1060, 6.1; NVIDIA GeForce RTX 3060, 8.6 | 576.02 12.9 | |
linux_x86_64 | 3.12 | | NVIDIA GeForce GTX 1060, 6.1; NVIDIA GeForce RTX 3060, 8.6 | 580.65 13.0 | glibc 2.39 |
linux_x86_64 | 3.12 | | NVIDIA GeForce GT 730, 3.5; NVIDIA GeForce RTX 4090, 8.9 | 470.57 11.4 | glibc 2.39 |
linux_x86_64 | 3.12 | | NVIDIA GeForce GT 1030, 6.1; NVIDIA GeForce RTX 5090, 12.0 | 580.65 13.0 | glibc 2.39 |
win_amd64 | 3.12 | 2.8.0+cu128 cu128 | NVIDIA GeForce GT 1030, 6.1; NVIDIA GeForce RTX 5090, 12.0 | 580.65 13.0 | |
win_amd64 | 3.12 | 2.8.0+cu128 cu128 | NVIDIA GeForce GT 1030, 6.1; NVIDIA GeForce GTX 1080, 6.1 | 580.65 13.0 | |
linux_x86_64 | 3.12 | 2.5.1.post304 cu126 | NVIDIA A100, 8.0 | 570.86 12.8 | glibc 2.39 |
linux_x86_64 | 3.12 | 2.3.1+computecanada cu122 | NVIDIA A100, 8.0 | 560.94 12.6 | glibc 2.37 |
win_amd64 | 3.14 | 2.3.1+cu121 cu121 | NVIDIA GeForce RTX 4090, 8.9 | 580.65 13.0 | |
win_amd64 | 3.12 | 2.17.0.dev20261101+cu132 cu132 | NVIDIA GeForce RTX 4090, 8.9 | 610.43 13.3 | |
win_amd64 | 3.12 | 2.8.0+cu128 cu128 | NVIDIA GeForce RTX 4090, 8.9 | 390.77 9.1 | |
linux_x86_64 | 3.14 | 2.5.1+rocm6.2 rocm | AMD Radeon RX 7900; NVIDIA GeForce RTX 3060, 8.6 | 580.65 13.0 | glibc 2.35 |
win_amd64 | 3.9 | 2.8.0+cu126 cu126 | NVIDIA GeForce RTX 4090, 8.9 | 580.95 13.0 | | 0.19.8
linux_ppc64le | 3.12 | 2.6.0 cpu | Tesla V100-SXM2-16GB, 7.0 | 550.54 12.4 | glibc 2.28 |
linux_riscv64 | 3.12 | | | | glibc 2.39 |
freebsd_14_1_release_amd64 | 3.11 | | | | |
mingw_x86_64_ucrt_gnu | 3.12 | | NVIDIA GeForce RTX 4090, 8.9 | 580.95 13.0 | |
cygwin_3_5_x86_64 | 3.9 | | | | |
"""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One machine, and what is asked."""

    line: str
    environment: Environment
    deepspeed: str


def rows() -> Iterator[Row]:
    for line in TABLE.strip().splitlines():
        platform, python, torch, cards, driver, extra, deepspeed = (*map(str.strip, line.split("|")), "")[:7]
        version, _, variant = torch.partition(" ")
        number, _, cuda = driver.partition(" ")
        gpus = [card for name in cards.split("; ") if name for card in parse_gpus(name) or (other(name),)]
        graphics = Graphics(gpus=tuple(gpus), driver=number, driver_cuda=cuda or None)
        environment = make_environment(
            platform=platform,
            version=python,
            torch=Torch(version=version, installed=version, variant=variant) if torch else None,
            machine=Machine(graphics=graphics, cpu_flags=frozenset({"avx2"})),
            c_library=extra if extra.startswith(("glibc", "musl")) else None,
            deepspeed=extra if extra[:1].isdigit() else None,
        )
        yield Row(
            line=" | ".join(part.strip() for part in line.split("|")), environment=environment, deepspeed=deepspeed
        )


def other(name: str) -> Gpu:
    return Gpu(name=name, maker=name.split()[0].partition("(")[0])


def answered(row: Row, everything: Published, monkeypatch: pytest.MonkeyPatch, out: pytest.CaptureFixture[str]) -> str:
    monkeypatch.setattr(wheel_choice, "_published", lambda index, store: everything)
    monkeypatch.setattr(wheel_choice, "read_environment", lambda python: row.environment)
    error = ""
    try:
        find(FindOptions(deepspeed=row.deepspeed))
    except WheelsError as caught:
        error = re.sub(r"none of \d+ wheels", "none of N wheels", caught.line)
    lines = [*out.readouterr().out.splitlines()[FACTS:], *error.splitlines()]
    return "\n".join([row.line, *(f"    {line}" for line in lines), ""])


def test_every_machine_gets_its_answer(
    everything: Published, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    table = list(rows())
    assert len(table) >= 60
    text = "\n".join(answered(row, everything, monkeypatch, capsys) for row in table)
    if os.environ.get("DEEPSPEED_WHEELS_WRITE_GOLDEN"):
        GOLDEN.write_text(text, encoding="utf-8")
    assert text == GOLDEN.read_text(encoding="utf-8")
