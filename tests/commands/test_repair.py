"""`invoke install --repair` brings back the set that needs the least."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from scripts.commands.next_line import usable_gpu
from scripts.commands.repair import Repair, repair_of
from scripts.graphics import Gpu, Graphics
from scripts.install.environment import Environment, Torch
from scripts.install.machine import Machine
from scripts.install.machine_choice import choose_for
from scripts.wheel.published import publish_records
from tests.install.factories import make_environment, make_machine, make_torch
from tests.wheel.factories import make_wheel_record, make_wheel_target

WANTED = [("2.6.0", "cu124"), ("2.7.1", "cu126"), ("2.7.1", "cpu"), ("2.9.1", "cu130")]
OFFERED = publish_records(
    [
        make_wheel_record(target=make_wheel_target(torch=torch, cuda=cuda), arches=() if cuda == "cpu" else ("8.6",))
        for torch, cuda in WANTED
    ],
    url="https://site.example",
    torch_index="https://torch.example/{variant}",
)
VISION = {"torchvision": ("0.21.0", "torch==2.6.0")}
PIP = "python.exe -m pip install --no-input"

# environment -> the local version of the wheel, the words that bring torch
CASES: dict[str, tuple[Environment, str, str]] = {
    "a set that fits": (make_environment(companions=VISION), "cu124torch2.6", ""),
    "torch was moved, and a wheel for it is offered": (
        make_environment(torch=make_torch("2.7.0+cu126"), deepspeed="0.16.5+cu124torch2.6"), "cu126torch2.7", ""
    ),
    "torch was moved alone, torchvision was not": (
        make_environment(torch=make_torch("2.7.0+cu126"), companions=VISION),
        "cu126torch2.7",
        f"{PIP} torch==2.7.0+cu126 torchvision --index-url https://torch.example/cu126",
    ),
    "torch was moved to one that no wheel is for": (
        make_environment(torch=make_torch("2.8.0+cu128"), deepspeed="0.16.5+cu124torch2.6", companions=VISION),
        "cu124torch2.6",
        f"{PIP} torch==2.6.0+cu124 torchvision --index-url https://torch.example/cu124",
    ),
    "torch for the CPU beside a GPU": (
        make_environment(torch=make_torch("2.7.1")),
        "cu126torch2.7",
        f"{PIP} torch==2.7.1+cu126 --index-url https://torch.example/cu126",
    ),
    "torch for a newer driver": (
        make_environment(torch=make_torch("2.9.1+cu130")),
        "cu126torch2.7",
        f"{PIP} torch==2.7.1+cu126 --index-url https://torch.example/cu126",
    ),
    "a card that no CUDA wheel has code for": (
        make_environment(torch=None, machine=make_machine("5.2")), "cputorch2.7",
        f"{PIP} torch==2.7.1+cpu --index-url https://torch.example/cpu",
    ),
    "torch for the CPU beside such a card": (
        make_environment(torch=make_torch("2.7.1"), machine=make_machine("5.2")), "cputorch2.7", ""
    ),
    "no torch": (
        make_environment(torch=None), "cu126torch2.7",
        f"{PIP} torch==2.7.1+cu126 --index-url https://torch.example/cu126",
    ),
    "half a torch": (
        make_environment(torch=replace(make_torch("2.6.0+cu124"), gone=("torch/lib/c10.dll",))),
        "cu124torch2.6",
        f"{PIP} --force-reinstall torch==2.6.0+cu124 --index-url https://torch.example/cu124",
    ),
}  # fmt: skip


def repaired(mine: Environment) -> Repair | None:
    bare = choose_for(OFFERED, replace(mine, torch=None))
    unused = usable_gpu(OFFERED, mine) is not None
    return repair_of(OFFERED, mine, choose_for(OFFERED, mine), bare, unused=unused)


@pytest.mark.parametrize(("mine", "local", "words"), CASES.values(), ids=CASES.keys())
def test_the_set_that_needs_the_least_is_brought(mine: Environment, local: str, words: str) -> None:
    repair = repaired(mine)
    assert repair
    assert repair.record.target.local_version == local
    assert " ".join(repair.torch) == words


def test_lines_and_constraints_are_those_of_the_torch_that_is_brought() -> None:
    mine = make_environment(torch=make_torch("2.8.0+cu128"), deepspeed="0.16.5+cu124torch2.6")
    repair = repaired(mine)
    assert repair
    after = repair.environment_after(mine)
    assert after.torch == Torch(version="2.6.0+cu124", installed="2.6.0+cu124", variant="cu124")
    fits = make_environment(companions={"torchvision": ("0.20.1", "torch==2.5.1")})
    same = repaired(fits)
    assert same
    assert "torch==2.6.0+cu124 torchvision" in " ".join(same.torch)
    assert same.environment_after(fits) == fits


def test_where_nothing_runs_there_is_none() -> None:
    assert repaired(make_environment(python=Path("python"), version="3.9", machine=make_machine(driver=None))) is None
    silent = Machine(graphics=Graphics(gpus=(Gpu(name="NVIDIA card 0x2684"),)))
    assert repaired(make_environment(torch=None, machine=silent)) is None
