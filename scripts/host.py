"""This machine: its wheel platform, its Pythons, its GPU driver."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Host:
    """What decides which cells this machine can build."""

    platform: str  # wheel platform tag without a manylinux prefix, "linux_x86_64"
    python: str  # of the Python that runs this, "3.11"
    driver_cuda: str | None  # newest CUDA the GPU driver supports, None without a GPU


def this_host() -> Host:
    """The machine this runs on."""
    free_threaded = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
    python = f"{sys.version_info[0]}.{sys.version_info[1]}{'t' if free_threaded else ''}"
    return Host(platform=platform_tag(), python=python, driver_cuda=driver_cuda())


def platform_tag() -> str:
    """`win_amd64`, `linux_x86_64`, or whatever this platform is called (no cell names it then)."""
    return sysconfig.get_platform().replace("-", "_").replace(".", "_").lower()


@cache
def find_interpreter(version: str) -> str | None:
    """A Python of this minor version; None when there is none.

    It is the one that runs, one on PATH, in a hosted runner's tool cache, or one that the py launcher or pyenv knows.
    """
    if version == this_python():
        return sys.executable
    on_path = shutil.which(f"python{version}")
    if on_path and Path(on_path).parent.name != "shims":
        return on_path
    if cached := _tool_cache(version):
        return cached
    launcher = shutil.which("py")
    return _ask([launcher, f"-{version}", "-c", "import sys; print(sys.executable)"]) if launcher else _pyenv(version)


def python_include(interpreter: str) -> str:
    """The folder where this Python's headers should be; empty when it cannot be asked."""
    return _ask([interpreter, "-c", "import sysconfig; print(sysconfig.get_paths()['include'])"]) or ""


def this_python() -> str:
    """The minor version of the Python that runs."""
    return f"{sys.version_info[0]}.{sys.version_info[1]}"


def driver_cuda() -> str | None:
    """The newest CUDA version that the NVIDIA driver says it supports."""
    program = shutil.which("nvidia-smi")
    text = _ask([program]) if program else None
    match = re.search(r"CUDA Version:\s*([0-9.]+)", text or "")
    return match[1] if match else None


def _tool_cache(version: str) -> str | None:
    """The newest patch release in the folder where GitHub's setup-python puts what it installs."""
    folder = os.environ.get("RUNNER_TOOL_CACHE")
    name = "x64/python.exe" if sys.platform == "win32" else f"x64/bin/python{version}"
    found = Path(folder).glob(f"Python/{version}.*/{name}") if folder else ()
    return next((str(path) for path in sorted(found, key=_patch, reverse=True)), None)


def _patch(path: Path) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"Python\W(\d+)\.(\d+)\.(\d+)", str(path))[-1])


def _pyenv(version: str) -> str | None:
    """pyenv's own copy: its shim on PATH refuses a version that is not the chosen one."""
    versions = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python{version}"))
    return str(versions[-1]) if versions else None


def _ask(argv: list[str]) -> str | None:
    try:
        answer = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=20, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() if answer.returncode == 0 else None


def describe() -> str:
    """One line about this machine, for messages."""
    return f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
