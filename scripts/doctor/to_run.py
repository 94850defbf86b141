"""The checks of what running a wheel needs, each named as its row: nothing that builds is imported, nothing changed."""

from __future__ import annotations

import os
import re
import shutil
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from packaging.version import Version

from scripts.doctor.prerequisite import Seen, ok
from scripts.doctor.torch_toolkit import torch_cuda_home
from scripts.facts.facts import Facts
from scripts.install.environment import Environment, Torch
from scripts.install.installed import is_met, why_wrong
from scripts.install.served_cards import named, serves_none, without_code
from scripts.plan.off_axis import why_free_threaded, why_never
from scripts.versions import cuda_version

INVOKE = ("invoke",)
RUNTIME = ("winget", "install", "--exact", "--id", "Microsoft.VCRedist.2015+.x64")
FIXED_VERSION = 0xFEEF04BD  # what VS_FIXEDFILEINFO begins with


@dataclass(frozen=True, kw_only=True)
class RunChecks:
    """The environment that is looked at, and by what it is judged."""

    environment: Environment
    facts: Facts
    program: tuple[str, ...] = INVOKE  # how this program is called

    def by_id(self) -> Mapping[str, Callable[[], Seen]]:
        """Every check, by the id of its row."""
        return {
            "platform": self.platform,
            "python": self.python,
            "package-client": self.package_client,
            "graphics-card": self.graphics_card,
            "graphics-driver": self.graphics_driver,
            "torch": self.torch,
            "torch-driver": self.torch_driver,
            "torch-card": self.torch_card,
            "torch-companions": self.torch_companions,
            "c-library": self.c_library,
            "msvc-runtime": self.msvc_runtime,
            "deepspeed": self.deepspeed,
            "import-probe": self.import_probe,
            "flat-weights": self.flat_weights,
            "libuv": self.libuv,
        }

    @property
    def context(self) -> dict[str, str | bool]:
        """What conditions of rows may ask."""
        mine = self.environment
        context: dict[str, str | bool] = {"os": mine.system, "platform": mine.platform, "python": mine.version}
        if mine.torch:
            accelerator = "cuda" if mine.torch.variant.startswith("cu") else "cpu"
            context |= {"torch": mine.torch.version.partition("+")[0], "accelerator": accelerator}
        return {**context, "deepspeed": mine.deepspeed.partition("+")[0]} if mine.deepspeed else context

    def platform(self) -> Seen:
        """A system that wheels are made for."""
        mine = self.environment
        name = f"musl{mine.platform}" if mine.c_library == "musl" else mine.platform
        never = why_never("platform", name, self.facts)
        words = ("python", "-m", "pip", "install", "deepspeed")
        return Seen(state="wrong", found=f"{name}: {never}", words=words) if never else ok(mine.platform)

    def python(self) -> Seen:
        """A Python that torch has wheels for."""
        mine, named = self.environment, f"{self.environment.implementation} {self.environment.version}"
        known = {one for row in self.facts.torch.values() for one in row.pythons.get(mine.system, ())}
        plain = sorted((one for one in known if not one.endswith("t")), key=Version)
        if (mine.implementation == "cpython" and mine.version in plain) or not plain:
            return ok(named)
        why = (
            why_free_threaded(self.facts)
            if mine.version.endswith("t")
            else f"torch has wheels for CPython {plain[0]} to {plain[-1]}"
        )
        wanted = _nearest(mine.version.rstrip("t"), plain)
        return Seen(state="wrong", found=f"{named}: {why}", words=("uv", "venv", "--python", wanted))

    def package_client(self) -> Seen:
        """pip of the environment, uv, or another pip that is pointed at it."""
        if self.environment.has_pip:
            return ok("pip")
        uv = shutil.which("uv") or (find_spec("pip") and "pip of the Python that runs this")
        words = (str(self.environment.python), "-m", "ensurepip")
        return ok(uv) if uv else Seen(state="missing", found="neither", words=words)

    def graphics_card(self) -> Seen:
        """Every card, named as what it is."""
        gpus = self.environment.machine.graphics.gpus
        if not gpus:
            return ok("none is seen: the wheels for the CPU are for this machine")
        named = ", ".join(f"{gpu.name} ({gpu.capability or gpu.maker})" for gpu in gpus)
        if any(gpu.maker == "NVIDIA" for gpu in gpus):
            return ok(named)
        return ok(f"{named}: not NVIDIA's, so the ops leave it unused, and the wheels for the CPU are for this machine")

    def graphics_driver(self) -> Seen:
        """What the driver says of itself; a card whose driver is silent is unknown, not absent."""
        graphics = self.environment.machine.graphics
        if graphics.is_unknown:
            return Seen(state="unknown", found="an NVIDIA card is here, and its driver says nothing")
        if graphics.driver_cuda is None:
            return ok("does not matter here: no NVIDIA card is seen")
        return ok(f"{graphics.driver or 'present'}, for CUDA up to {graphics.driver_cuda}")

    def torch(self) -> Seen:
        """A released torch, whole, for what is here."""
        torch = self.environment.torch
        if torch is None:
            return Seen(state="missing", found="not installed", words=self._repair)
        why = self._why_not(torch)
        named = f"{torch.version} ({torch.variant})"
        return Seen(state="wrong", found=f"{named}: {why}", words=self._repair) if why else ok(named)

    def _why_not(self, torch: Torch) -> str | None:
        if torch.gone:
            return f"files of it are gone, {torch.gone[0]} among them"
        if torch.pre_release:
            return "it came before the release, and its binary interface differs"
        never = why_never("cuda", torch.variant, self.facts)
        if never or torch.minor not in self.facts.torch:
            return never or f"no wheel is made for torch {torch.minor}"
        graphics = self.environment.machine.graphics
        if torch.variant == "cpu" and graphics.driver_cuda:
            cards = ", ".join(gpu.name for gpu in graphics.gpus if gpu.capability) or "an NVIDIA GPU"
            return f"it is the build for the CPU, and leaves {cards} unused"
        wanted = self.facts.torch[torch.minor].cxx11_abi.get(torch.variant)
        if self.environment.system == "linux" and None not in (wanted, torch.cxx11_abi) and wanted != torch.cxx11_abi:
            return f"its C++ ABI is {torch.cxx11_abi}, and that of the wheels for it {wanted}"
        return None

    def torch_driver(self) -> Seen:
        """A driver as new as the major of torch's CUDA."""
        wanted, driver = self._torch_cuda, self.environment.machine.graphics.driver_cuda
        if wanted is None or driver is None:
            return ok("does not matter here")
        if Version(wanted).major <= Version(driver).major:
            return ok(f"CUDA {wanted} runs with a driver for {driver}")
        row = self.facts.cuda.get(wanted)
        oldest = row.driver_min.get(self.environment.system, "") if row else ""
        found = f"torch is for CUDA {wanted}, and the driver supports up to {driver}"
        return Seen(
            state="wrong", found=found, words=self._repair, values={"oldest": oldest or f"one for CUDA {wanted}"}
        )

    def torch_card(self) -> Seen:
        """Code for every NVIDIA card."""
        torch, system = self.environment.torch, self.environment.system
        row = self.facts.torch.get(torch.minor) if torch else None
        arches = row.arches[system].get(torch.variant, "").split(";") if torch and row and system else []
        graphics = self.environment.machine.graphics
        if not (torch and any(arches) and any(gpu.capability for gpu in graphics.gpus)):
            return ok("does not matter here")
        without = without_code(graphics, arches)
        if not serves_none(graphics, arches):
            return ok(f"{', '.join(arches)}{f'; it leaves {named(without)} unused' if without else ''}")
        found = f"torch {torch.version} has no code for {named(without)}; it has {' '.join(arches)}"
        return Seen(state="wrong", found=found, words=self._repair)

    def torch_companions(self) -> Seen:
        """torchvision and torchaudio of the same set."""
        torch, installed = self.environment.torch, self.environment.companions
        wrong = [
            f"{name} {said[0]} asks for {need}"
            for name, said in installed.items()
            for need in said[1:]
            if not is_met(need, torch)
        ]
        if wrong:
            here = f"torch {torch.version}" if torch else "no torch"
            return Seen(state="wrong", found=f"{', '.join(wrong)}; here is {here}", words=self._repair)
        return ok(", ".join(f"{name} {said[0]}" for name, said in installed.items()) or "neither is installed")

    def c_library(self) -> Seen:
        """A glibc as new as that of the machines that build."""
        mine = self.environment.c_library
        wanted = self.facts.linux_glibc
        here = (mine or "").partition("glibc ")[2]
        named = f"{mine}{f', GLIBCXX_{self.environment.cxx_library}' if self.environment.cxx_library else ''}"
        if not here or not wanted:
            return Seen(state="unknown", found=mine or "it does not say which it is")
        if Version(here) < Version(wanted):
            return Seen(state="wrong", found=f"{named}; wheels are built with glibc {wanted}")
        return ok(named)

    def msvc_runtime(self) -> Seen:
        """msvcp140.dll, as new as the toolset that linked torch."""
        file = Path(os.environ.get("SYSTEMROOT", r"C:\Windows"), "System32", "msvcp140.dll")
        version = file_version(file)
        if version is None:
            return Seen(state="unknown" if file.exists() else "missing", found=str(file), words=RUNTIME)
        torch = self.environment.torch
        row = self.facts.torch.get(torch.minor) if torch else None
        if row and Version(version) < Version(row.msvc):
            found = f"{version}, older than the {row.msvc} that linked torch {row.minor}"
            return Seen(state="wrong", found=found, words=RUNTIME)
        return ok(version)

    def deepspeed(self) -> Seen:
        """One whose ops can be loaded here."""
        mine = self.environment
        words = (*self.program, "install", "--python", str(mine.python))
        if mine.deepspeed is None:
            return Seen(state="missing", found="not installed", words=words)
        why = why_wrong(mine)
        return (
            Seen(state="wrong", found=f"{mine.deepspeed}: {'; '.join(why)}", words=words) if why else ok(mine.deepspeed)
        )

    def import_probe(self) -> Seen:
        """A toolkit that the probe at import finds, or a DeepSpeed that needs none."""
        mine = self.environment
        if mine.deepspeed_build.probes_safely or mine.machine.graphics.driver_cuda is None:
            return ok("none is needed")
        root = torch_cuda_home(mine.system)
        if root and shutil.which("nvcc", path=root / "bin"):
            return ok(str(root))
        found = f"{root} has no nvcc in bin" if root else "no CUDA toolkit is found"
        return Seen(state="missing", found=found, words=(*self.program, "install", "--python", str(mine.python)))

    def flat_weights(self) -> Seen:
        """A DeepSpeed whose ZeRO 1 and 2 let gloo write into their weights."""
        mine = self.environment
        if mine.deepspeed_build.detaches_weights:
            return ok("this DeepSpeed is patched")
        words = (*self.program, "install", "--python", str(mine.python))
        return Seen(state="wrong", found=f"DeepSpeed {mine.deepspeed} as it was released", words=words)

    def libuv(self) -> Seen:
        """The variable that torch 2.4 to 2.6 for Windows wants."""
        value = os.environ.get("USE_LIBUV")
        if value == "0":
            return ok("it is set")
        found = f"USE_LIBUV is {value}" if value else "USE_LIBUV is not set"
        return Seen(state="wrong", found=found, words=("setx", "USE_LIBUV", "0"))

    @property
    def _torch_cuda(self) -> str | None:
        torch = self.environment.torch
        return cuda_version(torch.variant) if torch and torch.variant.startswith("cu") else None

    @property
    def _repair(self) -> tuple[str, ...]:
        return (*self.program, "install", "--repair", "--python", str(self.environment.python))


def file_version(file: Path) -> str | None:
    """The version in the resources of a Windows file, `14.44.35211`; None when there is none to read."""
    try:
        content = file.read_bytes()
    except OSError:
        return None
    at = content.find(struct.pack("<I", FIXED_VERSION))
    if at < 0 or len(content) < at + 16:
        return None
    high, low = struct.unpack_from("<II", content, at + 8)
    return f"{high >> 16}.{high & 0xFFFF}.{low >> 16}"


def _nearest(version: str, known: list[str]) -> str:
    """The known Python nearest to the version, the newest where it is none."""
    number = re.fullmatch(r"3\.(\d+)", version)
    return min(known, key=lambda one: abs(int(one[2:]) - int(number[1]))) if number else known[-1]
