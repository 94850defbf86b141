"""What a person is told for whom no wheel is as it stands: one line that leads to a wheel, or why there is none."""

from __future__ import annotations

from dataclasses import replace

import pytest

from scripts.commands.install_options import FindOptions
from scripts.commands.next_line import unused_gpu
from scripts.commands.wheel_choice import asked_words, explanation, wrong_installed
from scripts.facts.load import load_facts
from scripts.graphics import NO_GRAPHICS, Gpu, Graphics
from scripts.install.choose import choose
from scripts.install.environment import Environment, Torch
from scripts.install.machine import Machine
from scripts.install.machine_choice import choose_for
from scripts.plan.expand import expand
from scripts.plan.matrix import load_matrix
from scripts.shell import shell_line
from scripts.wheel.published import Published, publish_records
from tests.install.factories import make_environment, make_torch
from tests.plan.factories import ROOT
from tests.wheel.factories import make_wheel_record


@pytest.fixture(scope="module")
def everything() -> Published:
    """A site that offers one wheel for each target of the plan."""
    facts = load_facts()
    matrix = load_matrix(ROOT / "matrix.yaml", facts)
    targets = (planned.target for planned in expand(matrix, facts).targets)
    records = [
        make_wheel_record(target=target, arches=tuple(matrix.arches.get(target.cuda, "").split(";")))
        if target.cuda_version
        else make_wheel_record(target=target, arches=())
        for target in targets
    ]
    tagged = [
        replace(record, platform_tag="manylinux_2_34_x86_64") if record.target.system == "linux" else record
        for record in records
    ]
    return publish_records(tagged, url="https://site.example", torch_index="https://torch.example/{variant}")


def environment(
    python: str, platform: str, torch: str | None, variant: str, graphics: Graphics = NO_GRAPHICS
) -> Environment:
    installed = Torch(version=torch, installed=torch, variant=variant) if torch else None
    machine = Machine(graphics=graphics, cpu_flags=frozenset({"avx2"}))
    return make_environment(version=python, platform=platform, torch=installed, machine=machine)


def nvidia(name: str, capability: str, driver: str, cuda: str) -> Graphics:
    return Graphics(gpus=(Gpu(name=name, capability=capability),), driver=driver, driver_cuda=cuda)


RTX_4070 = nvidia("NVIDIA GeForce RTX 4070", "8.9", "610.43.02", "13.3")
RTX_5090 = nvidia("NVIDIA GeForce RTX 5090", "12.0", "580.65", "13.0")
A10G = nvidia("NVIDIA A10G", "8.6", "550.54", "12.4")
RTX_5060 = nvidia("NVIDIA GeForce RTX 5060 Ti", "12.0", "572.83", "12.8")
RADEON = Graphics(gpus=(Gpu(name="AMD Radeon RX 9070 XT", maker="AMD"),))

# name -> environment, what the answer says, what it never says
CASES: dict[str, tuple[Environment, list[str], list[str]]] = {
    "a driver that says CUDA UMD Version": (
        environment("3.12", "win_amd64", None, "", RTX_4070),
        ["torch==2.15.0 --index-url https://torch.example/cu132; or both at once: invoke install --repair"],
        ["cpu"],
    ),
    "a nightly": (
        environment("3.11", "win_amd64", "2.11.0.dev20251217+cu128", "cu128", RTX_5090),
        ["2.11.0.dev20251217+cu128 came before it", "torch==2.11.0 --index-url https://torch.example/cu128"],
        ["fits"],
    ),
    "half a torch": (
        replace(
            environment("3.11", "win_amd64", "2.6.0+cu124", "cu124", A10G),
            torch=replace(make_torch("2.6.0+cu124"), gone=("torch/lib/c10.dll",)),
        ),
        ["torch/lib/c10.dll among them", "to bring it back, and the wheel with it: invoke install --repair"],
        ["an environment of its own"],
    ),
    "a driver that does not say what it supports": (
        environment(
            "3.11", "win_amd64", None, "", Graphics(gpus=(Gpu(name="NVIDIA GeForce RTX 3060"),), driver="546.80")
        ),
        ["of NVIDIA GeForce RTX 3060 supports is unknown: install the newest driver", "for the CPU alone: "],
        ["install its torch first", "--repair"],
    ),
    "a card that no wheel has code for": (
        environment("3.11", "win_amd64", None, "", nvidia("NVIDIA GeForce GT 710", "3.5", "474.44", "11.4")),
        [
            "it leaves NVIDIA GeForce GT 710 unused",
            "it has no code for NVIDIA GeForce GT 710 (3.5)",
            "torch.example/cpu",
        ],
        ["whl/cu"],
    ),
    "ROCm": (
        environment("3.12", "win_amd64", "2.9.1+rocmsdk20260116", "rocm", RADEON),
        ["No wheels are made for ROCm, every op"],
        ["torch.example", "cu126"],
    ),
    "a driver older than torch's CUDA": (
        environment("3.10", "linux_x86_64", "2.9.1+cu130", "cu130", A10G),
        ["torch==2.9.1 --index-url https://torch.example/cu128"],
        ["planned, but not offered", "cu130 --index"],
    ),
    "a card that this torch has no code for": (
        environment("3.12", "win_amd64", "2.7.0+cu126", "cu126", RTX_5060),
        ["torch==2.7.1 --index-url https://torch.example/cu128"],
        ["planned, but not offered", "as it asks for"],
    ),
    "a torch that is too old": (
        environment("3.10", "win_amd64", "2.2.2+cu118", "cu118", nvidia("RTX 3070", "8.6", "550.54", "12.4")),
        ["torch==2.3.1 --index-url https://torch.example/cu118"],
        ["as it asks for"],
    ),
    "64-bit Arm": (
        environment("3.12", "linux_aarch64", "2.10.0a0+b558c986e8.nv25.11", "cu130"),
        ["there is none for this machine: the wheels are for linux_x86_64, win_amd64", "64-bit Arm yet", "pip install"],
        ["nearest", "torch.example"],
    ),
    "Linux with musl": (
        replace(environment("3.12", "linux_x86_64", None, ""), c_library="musl"),
        ["there is none for this machine", "it needs glibc, and the C library of this system is musl (Alpine, say)"],
        ["nearest", "torch.example"],
    ),
    "a free-threaded Python": (
        environment("3.14t", "win_amd64", "2.10.0+cu130", "cu130", RTX_5090),
        [
            "it is for Python 3.14, not 3.14t",
            "there is none that Python 3.14t on this machine can use as it is: Nobody has shown",
        ],
        ["as it asks for"],
    ),
}


@pytest.mark.parametrize(("mine", "says", "never"), CASES.values(), ids=CASES.keys())
def test_the_answer_is_true_for_the_machine_and_ends_in_one_line(
    mine: Environment, says: list[str], never: list[str], everything: Published
) -> None:
    choice = choose_for(everything, mine)
    assert choice.wheel is None
    text = explanation(everything, mine, choice)
    assert [words for words in says if words not in text] == [], text
    assert [words for words in never if words in text] == [], text


def test_a_torch_for_the_cpu_beside_a_gpu_is_told_with_the_line_that_repairs_it(everything: Published) -> None:
    mine = environment("3.12", "win_amd64", "2.9.0", "cpu", RTX_4070)
    assert choose(everything.wheels, mine).wheel
    [note] = unused_gpu(everything, mine)
    assert "leaves NVIDIA GeForce RTX 4070 unused; with it: " in note
    assert "torch==2.9.1 --index-url https://torch.example/cu130" in note  # of the same minor
    assert unused_gpu(everything, environment("3.12", "win_amd64", "2.9.0", "cpu", RADEON)) == []


def test_the_line_says_again_what_was_asked(everything: Published) -> None:
    mine = environment("3.12", "win_amd64", None, "", RTX_4070)
    asked = asked_words(FindOptions(python="my env", index="https://site.example/"))
    text = explanation(everything, mine, choose_for(everything, mine), asked)
    line = shell_line(["invoke", "install", "--python", "my env", "--index", "https://site.example/", "--repair"])
    assert line in text
    older = environment("3.12", "linux_x86_64", "2.6.0+cu124", "cu124", A10G)
    asked = asked_words(FindOptions(deepspeed="0.13.1", index="https://site.example/"))
    text = explanation(everything, older, choose_for(everything, older, "0.13.1"), asked)
    assert "to use it: invoke install --index https://site.example/ --deepspeed 0.14.5" in text


def test_an_installed_deepspeed_for_another_torch_is_called_wrong_and_the_wheel_that_replaces_it_found(
    everything: Published,
) -> None:
    graphics = nvidia("NVIDIA GeForce RTX 3060", "8.6", "572.83", "12.8")
    mine = environment("3.12", "win_amd64", "2.7.0+cu126", "cu126", graphics)
    choice = choose_for(everything, replace(mine, deepspeed="0.16.5+cu124torch2.6"))
    assert choice.wheel
    assert choice.wheel.target.local_version == "cu126torch2.7"
    assert wrong_installed(replace(mine, deepspeed="0.16.5+cu124torch2.6"), choice) == [
        "wrong: the installed DeepSpeed 0.16.5+cu124torch2.6 cannot load its ops here: "
        "it is for torch 2.6, not 2.7.0+cu126; it is for cu124, and this torch is for cu126"
    ]
    assert wrong_installed(replace(mine, deepspeed="0.16.5+cu126torch2.7"), choice) == []
    assert wrong_installed(mine, choice) == []


def test_where_nothing_is_offered_the_installed_one_is_called_wrong_all_the_same() -> None:
    nothing = publish_records([], url="https://site.example", torch_index="https://torch.example/{variant}")
    mine = replace(environment("3.12", "win_amd64", "2.7.0+cu126", "cu126"), deepspeed="0.16.5+cu124torch2.6")
    text = explanation(nothing, mine, choose_for(nothing, mine))
    assert "\n  wrong: the installed DeepSpeed 0.16.5+cu124torch2.6 cannot load its ops here" in text


def test_where_no_wheel_fits_the_installed_one_is_called_wrong_all_the_same(everything: Published) -> None:
    mine = environment("3.12", "win_amd64", "2.7.0+cu126", "cu126", RTX_5060)
    mine = replace(mine, deepspeed="0.16.5+cu126torch2.7")  # made for this torch, and without code for this card
    text = explanation(everything, mine, choose_for(everything, mine))
    assert (
        "wrong: the installed DeepSpeed 0.16.5+cu126torch2.7 cannot load its ops here: it has no code for NVIDIA"
        in text
    )
