"""`Environment`: the facts of a user's Python that decide which wheel fits, read without importing their torch."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from packaging.version import InvalidVersion, Version

from scripts.carried import carried_file
from scripts.command import NOT_STARTED, ask
from scripts.errors import InputError
from scripts.host import find_interpreter
from scripts.install.machine import Machine, read_machine
from scripts.versions import minor_of

VERSION = re.compile(r"(?:cp|py)?3\.?([0-9]+t?)")
PROBE = Path(__file__).parent / "inside" / "probe.py"
SECONDS = 60


@dataclass(frozen=True, kw_only=True)
class Torch:
    """The torch that is installed."""

    version: str  # "2.6.0+cu124", as torch itself states
    installed: str  # the same as the package's metadata states, which a constraint must name
    variant: str  # "cu124", "cpu"; "rocm" or "xpu" for what no wheel of ours is for
    cxx11_abi: int | None = None  # _GLIBCXX_USE_CXX11_ABI; None when it is not stated
    gone: tuple[str, ...] = ()  # files of it that are no longer there, at most three

    @property
    def pre_release(self) -> bool:
        """Whether it is a nightly, a release candidate or a vendor's build from before the release."""
        try:
            return Version(self.version).is_prerelease
        except InvalidVersion:
            return True

    @property
    def minor(self) -> str:
        """`2.6` of `2.6.0+cu124`."""
        return minor_of(self.version.partition("+")[0])


@dataclass(frozen=True, kw_only=True)
class DeepSpeedBuild:
    """What is there of an installed DeepSpeed."""

    info: str = ""  # the text of its git_version_info_installed.py
    modules: tuple[str, ...] = ()  # "fused_adam_op.cp311-win_amd64.pyd"
    suffixes: tuple[str, ...] = ()  # of the modules that this Python loads, "cp311-win_amd64.pyd"
    detaches_weights: bool = False  # those of ZeRO 1 and 2, which gloo writes into
    probes_safely: bool = False  # an op whose probe fails is no reason for the import to fail


NO_BUILD = DeepSpeedBuild()


@dataclass(frozen=True, kw_only=True)
class Environment:
    """One Python environment on one machine."""

    python: Path  # its interpreter
    implementation: str  # "cpython"
    version: str  # "3.11", "3.13t"
    platform: str  # "win_amd64"
    torch: Torch | None
    deepspeed: str | None  # the installed version
    has_pip: bool
    machine: Machine
    deepspeed_build: DeepSpeedBuild = NO_BUILD
    c_library: str | None = None  # of Linux: "glibc 2.36", "musl"; None where it is not known
    cxx_library: str | None = None  # the newest GLIBCXX_ of its libstdc++, "3.4.30"
    companions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # torchvision: version, needs of torch
    packages: str = ""  # the directory that packages are installed into
    tools: Mapping[str, str | None] = field(default_factory=dict)  # what compiling needs, by name: its version

    @property
    def system(self) -> str:
        """`windows` or `linux`, as the data name it; empty for another."""
        named = {"win": "windows", "linux": "linux", "musllinux": "linux"}
        return next((system for start, system in named.items() if self.platform.startswith(start)), "")

    def as_document(self) -> dict[str, Any]:
        """The facts for JSON."""
        flags = sorted(self.machine.cpu_flags or ()) if self.machine.cpu_flags is not None else None
        return {
            "python": str(self.python),
            "version": self.version,
            "implementation": self.implementation,
            "platform": self.platform,
            "torch": asdict(self.torch) if self.torch else None,
            "c_library": self.c_library,
            "cxx_library": self.cxx_library,
            "deepspeed": self.deepspeed,
            "gpus": [asdict(gpu) for gpu in self.machine.graphics.gpus],
            "driver": self.machine.graphics.driver or None,
            "driver_cuda": self.machine.graphics.driver_cuda,
            "vectors": [flag for flag in flags if flag in ("avx2", "avx512f")] if flags is not None else None,
        }


def read_environment(python: str = "", machine: Machine | None = None) -> Environment:
    """The facts of the environment of `python`: an interpreter or an environment's directory; if empty, the active one.

    Raises InputError when that Python is not there or cannot be asked.
    """
    executable = _interpreter(python)
    answer = _ask(executable)
    torch = answer["torch"]
    return Environment(
        python=executable,
        implementation=answer["implementation"],
        version=answer["python"],
        platform=answer["platform"],
        torch=_torch(torch) if torch else None,
        deepspeed=answer["deepspeed"],
        has_pip=answer["pip"],
        deepspeed_build=_build(answer["deepspeed_build"]),
        c_library=answer["c_library"],
        cxx_library=answer["cxx_library"],
        companions={name: tuple(said) for name, said in answer["companions"].items()},
        packages=answer["packages"],
        tools=answer["tools"],
        machine=machine or read_machine(),
    )


def _interpreter(python: str) -> Path:
    active = os.environ.get("VIRTUAL_ENV") or os.environ.get("CONDA_PREFIX")
    path = Path(python or active or sys.executable)
    if python and not path.exists() and (named := VERSION.fullmatch(python.lower())):
        path = Path(find_interpreter(f"3.{named[1]}") or python)  # a version, as --py takes it
    if not path.is_dir():
        return path
    folder = path.parent if path.name.lower() in ("bin", "scripts") else path
    names = ("Scripts/python.exe", "python.exe") if os.name == "nt" else ("bin/python", "bin/python3")
    found = next((folder / name for name in names if (folder / name).exists()), None)
    if found is None:
        gone = next((f", {folder / name} leads nowhere" for name in names if (folder / name).is_symlink()), "")
        raise InputError(
            f"{path} is not a Python environment{gone}; give its directory or its interpreter with --python",
            id="not-a-python-environment",
        )
    return found


def _ask(executable: Path) -> dict[str, Any]:
    with carried_file(PROBE) as probe:
        answer = ask([str(executable), str(probe)], seconds=SECONDS)
    if answer.exit_code == NOT_STARTED:
        raise InputError(
            f"{executable} cannot be run: {answer.errors}; give another with --python", id="not-a-python-environment"
        )
    if answer.exit_code:
        last = (answer.errors.strip().splitlines() or ["nothing"])[-1]
        raise InputError(
            f"{executable} cannot be asked about itself: {last}; give a Python interpreter, of 3.8 or newer",
            id="not-a-python-environment",
        )
    try:
        document: dict[str, Any] = json.loads(_last_object(answer.output))
    except ValueError:
        raise InputError(
            f"{executable} gave no answer; give a Python interpreter with --python", id="not-a-python-environment"
        ) from None
    return document


def _last_object(said: str) -> str:
    """The last line that can be the answer: an environment's own start-up files may print something, too."""
    return next((line for line in reversed(said.splitlines()) if line.startswith("{")), "")


def _build(answer: dict[str, Any]) -> DeepSpeedBuild:
    return DeepSpeedBuild(
        info=answer["info"],
        modules=tuple(answer["modules"]),
        suffixes=tuple(answer["suffixes"]),
        detaches_weights=answer["detaches_weights"],
        probes_safely=answer["probes_safely"],
    )


def _torch(answer: dict[str, Any]) -> Torch:
    return Torch(
        version=answer["version"],
        installed=answer["installed"] or answer["version"],
        variant=_variant(answer),
        cxx11_abi=answer["cxx11_abi"],
        gone=tuple(answer["gone"]),
    )


def _variant(answer: dict[str, Any]) -> str:
    """`cu124` where torch was built for CUDA 12.4, as the PyTorch index calls it."""
    if answer["cuda"]:
        major, minor, *_ = f"{answer['cuda']}.0".split(".")
        return f"cu{major}{minor}"
    return next((name for name, key in (("rocm", "hip"), ("xpu", "xpu")) if answer[key]), "cpu")
