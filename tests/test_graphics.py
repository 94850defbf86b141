"""What a machine says of its graphics cards and their driver: NVIDIA's library, nvidia-smi, the system."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scripts import graphics
from scripts.graphics import Gpu, Graphics, parse_banner, parse_gpus

# what NVIDIA's header nvml.h declares, as far as it is asked for
LIBRARY = """
extern "C" {
static int cards = CARDS;
int nvmlInitWithFlags(unsigned) { return RESULT; }
int nvmlInit_v2() { return RESULT; }
int nvmlShutdown() { return 0; }
const char *nvmlErrorString(int) { return "an error"; }
int nvmlSystemGetCudaDriverVersion_v2(int *version) { *version = 13030; return 0; }
static int text(char *to, const char *from) { while ((*to++ = *from++)) {} return 0; }
int nvmlSystemGetDriverVersion(char *to, unsigned) { return text(to, "610.43.02"); }
int nvmlDeviceGetCount_v2(unsigned *count) { *count = cards; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **handle) { *handle = (void *)(long)(index + 1); return 0; }
int nvmlDeviceGetName(void *, char *to, unsigned) { return text(to, "NVIDIA GeForce RTX 4070"); }
int nvmlDeviceGetCudaComputeCapability(void *, int *major, int *minor) { *major = 8; *minor = 9; return 0; }
}
"""
ASK = "from scripts.graphics import read_graphics; print(read_graphics())"
BANNERS = {
    "| NVIDIA-SMI 550.54      Driver Version: 550.54      CUDA Version: 12.4     |": ("550.54", "12.4"),
    "| NVIDIA-SMI 610.43.02   KMD Version: 610.43.02   CUDA UMD Version: 13.3  |": ("610.43.02", "13.3"),
    "| NVIDIA-SMI 580.65      Driver Version: 580.65      CUDA Version: N/A      |": ("580.65", None),
    "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.": ("", None),
}


@pytest.mark.parametrize(("banner", "told"), BANNERS.items())
def test_the_head_of_nvidia_smi_is_read_in_every_spelling(banner: str, told: tuple[str, str | None]) -> None:
    graphics = parse_banner(banner)
    assert (graphics.driver, graphics.driver_cuda) == told


def test_each_gpu_has_its_name_and_capability() -> None:
    text = "NVIDIA GeForce RTX 3090, 8.6\nNVIDIA H100 80GB HBM3, PCIe, 9.0\n"
    assert parse_gpus(text) == (
        Gpu(name="NVIDIA GeForce RTX 3090", capability="8.6"),
        Gpu(name="NVIDIA H100 80GB HBM3, PCIe", capability="9.0"),
    )


@pytest.mark.parametrize("text", ["", "No devices were found\n", "NVIDIA-SMI has failed: no driver"])
def test_what_is_no_list_of_gpus_holds_none(text: str) -> None:
    assert parse_gpus(text) == ()


def test_a_card_whose_driver_says_nothing_is_unknown_and_another_makers_is_not() -> None:
    assert Graphics(gpus=(Gpu(name="NVIDIA GeForce RTX 3060"),)).is_unknown
    assert not Graphics(gpus=(Gpu(name="AMD Radeon RX 9070 XT", maker="AMD"),)).is_unknown
    assert not Graphics(gpus=(Gpu(name="NVIDIA GeForce RTX 3060"),), driver_cuda="12.8").is_unknown


@pytest.mark.skipif(sys.platform == "win32", reason="a bus as Linux shows it")
def test_a_card_whose_module_is_not_loaded_is_seen_on_the_bus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """/sys/class/drm has no card then, and nvidia-smi has failed: unknown, and never none."""
    parts = {
        "0000:00:02.0": ("0x8086", "0x4680", "0x030000"),
        "0000:01:00.0": ("0x10de", "0x2684", "0x030000"),
        "0000:01:00.1": ("0x10de", "0x22ba", "0x040300"),  # the sound of the same card
        "0000:3b:00.0": ("0x10de", "0x20b2", "0x030200"),  # without a connector
        "0000:04:00.0": ("0x1a03", "0x2000", "0x030000"),
    }
    for name, (vendor, device, kind) in parts.items():
        (tmp_path / name).mkdir()
        for file, text in {"vendor": vendor, "device": device, "class": kind}.items():
            (tmp_path / name / file).write_text(f"{text}\n")
    monkeypatch.setattr(graphics, "PCI", tmp_path)
    monkeypatch.setattr(graphics, "_from_library", lambda: None)
    monkeypatch.setattr(graphics, "_from_program", lambda: graphics.NO_GRAPHICS)
    found = graphics.read_graphics()
    assert [gpu.name for gpu in found.gpus] == ["Intel card 0x4680", "NVIDIA card 0x2684", "NVIDIA card 0x20b2"]
    assert found.is_unknown


def told(folder: Path, path: str = "") -> str:
    """What a process says that finds this library and these programs."""
    environment = {**os.environ, "LD_LIBRARY_PATH": str(folder), "PATH": f"{path}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(
        [sys.executable, "-c", ASK], env=environment, capture_output=True, text=True, check=True
    ).stdout


def compile_library(folder: Path, result: int, cards: int = 1) -> Path:
    source = folder / "nvml.cpp"
    source.write_text(LIBRARY, encoding="utf-8")
    defines = [f"-DRESULT={result}", f"-DCARDS={cards}"]
    command = ["g++", "-shared", "-fPIC", *defines, str(source), "-o", str(folder / "libnvidia-ml.so.1")]
    subprocess.run(command, check=True)
    return folder


@pytest.mark.skipif(sys.platform != "linux", reason="stands in for a shared object of Linux")
def test_nvidias_library_is_asked_first(tmp_path: Path) -> None:
    answer = told(compile_library(tmp_path, result=0, cards=2))
    assert answer.count("name='NVIDIA GeForce RTX 4070', capability='8.9'") == 2
    assert "driver='610.43.02', driver_cuda='13.3'" in answer


@pytest.mark.skipif(sys.platform != "linux", reason="stands in for a shared object of Linux")
def test_nvidia_smi_answers_where_the_library_does_not(tmp_path: Path) -> None:
    compile_library(tmp_path, result=9)  # NVML_ERROR_DRIVER_NOT_LOADED
    program = tmp_path / "nvidia-smi"
    head = next(iter(BANNERS))
    program.write_text(f"#!/bin/sh\n[ $# = 0 ] && echo '{head}' || echo 'NVIDIA A10G, 8.6'\n", encoding="utf-8")
    program.chmod(0o755)
    answer = told(tmp_path, str(tmp_path))
    assert "name='NVIDIA A10G', capability='8.6'" in answer
    assert "driver='550.54', driver_cuda='12.4'" in answer
