"""The graphics cards of this machine, and what its NVIDIA driver supports: NVML is asked first, nvidia-smi second."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from scripts.command import ask
from scripts.host import registry_values

# on PATH, and where WSL has it; on Windows that would be a folder that everybody may make
PROGRAMS = ("nvidia-smi", *(() if sys.platform == "win32" else ("/usr/lib/wsl/lib/nvidia-smi",)))
QUERY = ("--query-gpu=name,compute_cap", "--format=csv,noheader")
PCI = Path("/sys/bus/pci/devices")
DISPLAY = (
    "0x03"  # what the class of a display controller begins with; docs.kernel.org, "Accessing PCI device resources"
)
MAKERS = {"0x10de": "NVIDIA", "0x1002": "AMD", "0x8086": "Intel"}  # by PCI vendor id
# display adapters; learn.microsoft.com, "System-Defined Device Setup Classes Available to Vendors"
WINDOWS_CARDS = r"SYSTEM\CurrentControlSet\Control\Class\{4d36e968-e325-11ce-bfc1-08002be10318}"
MOST_CARDS = 16


@dataclass(frozen=True, kw_only=True)
class Gpu:
    """One graphics card."""

    name: str
    capability: str = ""  # "8.6"; empty for another maker's card, and where the driver does not say it
    maker: str = "NVIDIA"


@dataclass(frozen=True, kw_only=True)
class Graphics:
    """The cards, and the NVIDIA driver as far as it says anything of itself."""

    gpus: tuple[Gpu, ...] = ()
    driver: str = ""  # "580.65"
    driver_cuda: str | None = None  # the newest CUDA that it supports, "13.0"; None without a driver that says it

    @property
    def is_unknown(self) -> bool:
        """Whether an NVIDIA card is here whose driver does not say which CUDA it supports."""
        return self.driver_cuda is None and any(gpu.maker == "NVIDIA" for gpu in self.gpus)


NO_GRAPHICS = Graphics()


def read_graphics() -> Graphics:
    """The cards of this machine; a card whose driver cannot be asked is named as the system names it."""
    told = _from_library() or _from_program()
    others = (gpu for gpu in _cards() if not (told.gpus and gpu.maker == "NVIDIA"))
    return replace(told, gpus=(*told.gpus, *others))


def parse_gpus(text: str) -> tuple[Gpu, ...]:
    """The GPUs that nvidia-smi lists, `NVIDIA GeForce RTX 3090, 8.6` a line; lines of another form are passed over."""
    matches = (re.fullmatch(r"(.+), (\d+\.\d+)", line.strip()) for line in text.splitlines())
    return tuple(Gpu(name=match[1], capability=match[2]) for match in matches if match)


def parse_banner(text: str) -> Graphics:
    """Driver and CUDA version of nvidia-smi's head: `CUDA Version:`, and `CUDA UMD Version:` of drivers from 595 on."""
    cuda = re.search(r"\bCUDA\b[A-Z ]*Version\s*:\s*(\d+\.\d+)", text)
    driver = re.search(r"\b(?:Driver|KMD) Version\s*:\s*(\d[\d.]*)", text)
    return Graphics(driver=driver[1] if driver else "", driver_cuda=cuda[1] if cuda else None)


def _from_library() -> Graphics | None:
    """What NVML says; None where there is no such library, or it has no driver to ask."""
    import pynvml  # takes longer to import than most answers need

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    try:
        version = pynvml.nvmlSystemGetCudaDriverVersion_v2()
        handles = [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(pynvml.nvmlDeviceGetCount())]
        return Graphics(
            gpus=tuple(
                Gpu(
                    name=str(pynvml.nvmlDeviceGetName(handle)),
                    capability="{}.{}".format(*pynvml.nvmlDeviceGetCudaComputeCapability(handle)),
                )
                for handle in handles
            ),
            driver=str(pynvml.nvmlSystemGetDriverVersion()),
            driver_cuda=f"{version // 1000}.{version % 1000 // 10}",
        )
    except pynvml.NVMLError:
        return None
    finally:
        pynvml.nvmlShutdown()


def _from_program() -> Graphics:
    for program in PROGRAMS:
        if banner := ask([program]).text:
            return replace(parse_banner(banner), gpus=parse_gpus(ask([program, *QUERY]).text or ""))
    return NO_GRAPHICS


if sys.platform == "win32":

    def _cards() -> Iterator[Gpu]:
        """The cards that the system knows, with or without a driver."""
        keys = (rf"{WINDOWS_CARDS}\{number:04}" for number in range(MOST_CARDS))
        names = (registry_values(key).get("DriverDesc", "") for key in keys)
        return (Gpu(name=name, maker=maker) for name in names if (maker := _maker_in(name)))

else:

    def _cards() -> Iterator[Gpu]:
        """The cards on the PCI bus: /sys/class/drm has those alone whose driver is loaded."""
        for device in sorted(PCI.glob("*")):
            maker = MAKERS.get(_text(device / "vendor"))
            if maker and _text(device / "class").startswith(DISPLAY):
                yield Gpu(name=f"{maker} card {_text(device / 'device')}", maker=maker)


def _maker_in(name: str) -> str | None:
    return next((maker for maker in MAKERS.values() if maker.lower() in name.lower()), None)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""
