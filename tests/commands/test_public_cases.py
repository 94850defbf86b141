"""What people had in front of them, by public reports, of which `find` is not asked: build, plan, diagnose, doctor.

Those of `find` are in test_machines.py; pastes are in tests/index/page/test_pasted.py.
"""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from scripts.commands import host_targets
from scripts.commands.build_checks import target_for
from scripts.commands.host_targets import targets_to_build
from scripts.commands.plan_task import plan
from scripts.commands.project import open_project
from scripts.commands.task_options import PlanOptions
from scripts.diagnose.causes import load_causes
from scripts.diagnose.diagnosis import diagnose
from scripts.errors import InputError, NothingToDoError
from scripts.graphics import Gpu, Graphics, parse_banner, parse_gpus
from scripts.host import Host
from scripts.install.machine import Machine
from scripts.plan.selection import Selection
from tests.install.factories import make_environment

NEW_DRIVER = "| NVIDIA-SMI 580.65      Driver Version: 580.65      CUDA Version: 13.0     |"
BY_1080_TI = "NVIDIA GeForce GTX 1080 Ti, 6.1"

# cards, the head of nvidia-smi -> the variants that a build without selectors may mean
CARDS: dict[str, tuple[str, str, set[str]]] = {
    "jamiepine/voicebox#994": (BY_1080_TI, NEW_DRIVER, {"cu126"}),
    "a V100 with a new driver": ("Tesla V100-SXM2-16GB, 7.0", NEW_DRIVER, {"cu126"}),
    "a card of each kind": (f"NVIDIA GeForce RTX 4090, 8.9\n{BY_1080_TI}", NEW_DRIVER, {"cu126"}),
    "a card that no variant has code for": ("NVIDIA GeForce GTX 960, 5.2", NEW_DRIVER, {"cpu"}),
    "bigstack-oss/cubecos#312": ("NVIDIA H200 NVL, 9.0", NEW_DRIVER, {"cu130"}),
    "an older driver": ("NVIDIA A100-SXM4-80GB, 8.0", NEW_DRIVER.replace("13.0", "12.8"), {"cu126", "cu128"}),
}


def graphics_of(cards: str, banner: str) -> Graphics:
    return replace(parse_banner(banner), gpus=parse_gpus(cards))


@pytest.mark.skipif(os.name == "nt", reason="builds of Linux are what this machine can make")
@pytest.mark.parametrize(("cards", "banner", "variants"), CARDS.values(), ids=CARDS.keys())
def test_a_build_without_selectors_is_for_the_cards_that_are_here(
    cards: str, banner: str, variants: set[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`invoke build --dry-run`, `invoke build` and `invoke doctor --to build` mean the same."""
    graphics = graphics_of(cards, banner)
    monkeypatch.setattr(host_targets, "read_graphics", lambda: graphics)
    monkeypatch.setattr(host_targets, "this_host", lambda: Host(platform="linux_x86_64", python="3.11"))
    monkeypatch.setattr(host_targets, "_empty_environment", lambda directory: directory)
    monkeypatch.setattr("scripts.wheel_build.build_environment.install_torch", lambda *words, **options: True)
    (target,) = targets_to_build(open_project(), Selection())
    assert target.cuda in variants
    mine = make_environment(platform="linux_x86_64", torch=None, machine=Machine(graphics=graphics))
    assert target_for(open_project(), mine).cuda in variants
    told = capsys.readouterr().err
    if target.cuda == "cpu":
        assert "no CUDA variant of the plan has code for NVIDIA GeForce GTX 960 (5.2)" in told
    else:
        assert told == ""


def test_an_amd_card_gets_the_wheel_for_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    radeon = Graphics(gpus=(Gpu(name="AMD Radeon RX 7900 XTX", maker="AMD"),))
    mine = make_environment(platform="linux_x86_64", torch=None, machine=Machine(graphics=radeon))
    assert target_for(open_project(), mine).cuda == "cpu"


# what is typed -> what it means, or the reason why there is none
TYPED: dict[str, tuple[Selection, str]] = {
    "woct0rdho/SageAttention#55": (
        Selection(torch=("2.9.0",), cuda=("cu128",)),
        "--torch 2.9.0 means torch 2.9: a wheel",
    ),
    "with its label": (Selection(torch=("2.9.1+cu128",), cuda=("cu128",)), "--torch 2.9.1+cu128 means torch 2.9: a"),
}


@pytest.mark.parametrize(("selection", "says"), TYPED.values(), ids=TYPED.keys())
def test_a_patch_release_that_is_typed_means_its_minor(
    selection: Selection, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    plan(replace(selection, py=("3.12",), platform=("windows",)), PlanOptions())
    told = capsys.readouterr()
    assert "2.9.1 │ cu128 │ win_amd64" in told.out
    assert says in told.err


REFUSED: dict[str, tuple[Selection, str, str]] = {  # what is typed, what is said, what is never said
    "mjun0812/flash-attention-prebuild-wheels#83": (Selection(py=("3.14t",)), "free-threaded", "cannot exist"),
    "visualbruno/ComfyUI-Trellis2#131": (Selection(cuda=("cu131",)), "cu130", "win_amd64"),
    "deepspeedai/DeepSpeed#172": (Selection(torch=("1.3.1",)), "1.3.1", "Traceback"),
    "an M2": (Selection(platform=("macos",)), "No wheels are planned for macOS", "cannot exist"),
    "mlc-ai/package#81": (Selection(platform=("aarch64",)), "64-bit Arm", "cannot exist"),
    "ROCm": (Selection(cuda=("rocm6.4",)), "No wheels are made for ROCm", "whl/"),
    "Intel": (Selection(cuda=("xpu",)), "GPUs of Intel", "whl/"),
    "Alpine": (Selection(platform=("alpine",)), "musl", "cannot exist"),
}


@pytest.mark.parametrize(("selection", "says", "never"), REFUSED.values(), ids=REFUSED.keys())
def test_a_value_that_no_wheel_is_for_gets_its_reason(selection: Selection, says: str, never: str) -> None:
    with pytest.raises((InputError, NothingToDoError)) as caught:
        plan(selection, PlanOptions())
    assert says in str(caught.value)
    assert never not in str(caught.value)


def test_an_embedded_python_builds_nothing_and_gets_a_wheel() -> None:
    """deepspeedai/DeepSpeed#6639."""
    log = (
        rb'  File "D:\ComfyUI\python_embeded\Lib\site-packages\pip\_vendor\pyproject_hooks\_in_process.py", line 353'
        b"\nModuleNotFoundError: No module named 'op_builder'\n"
    )
    (finding, *_) = diagnose([log]).findings
    assert finding.cause == "embedded-python"
    remedy = load_causes().causes[finding.cause].remedy
    assert "Build nothing with it" in remedy
    assert "invoke install --python" in remedy
