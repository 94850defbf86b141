"""This machine: its wheel platform, its Pythons, its processor, its registry."""

from __future__ import annotations

import ctypes
import os
import platform
import re
import shutil
import sys
import sysconfig
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from scripts.command import ask

FILE_SYSTEM = r"SYSTEM\CurrentControlSet\Control\FileSystem"
LONG_PATHS = "LongPathsEnabled"
LONGEST_PATH = 260  # characters, its end included, where Windows allows no longer ones
ALLOW_LONG_PATHS = ("reg", "add", rf"HKLM\{FILE_SYSTEM}", "/v", LONG_PATHS, "/t", "REG_DWORD", "/d", "1", "/f")
MANYLINUX_PYTHONS = Path("/opt/python")
# winnt.h, PF_AVX2_INSTRUCTIONS_AVAILABLE and PF_AVX512F_INSTRUCTIONS_AVAILABLE
WINDOWS_FEATURES = {"avx2": 40, "avx512f": 41}


@dataclass(frozen=True, kw_only=True)
class Host:
    """What decides which targets this machine can build."""

    platform: str  # wheel platform tag without a manylinux prefix, "linux_x86_64"
    python: str  # of the Python that runs this, "3.11"


def this_host() -> Host:
    """The machine this runs on."""
    free_threaded = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
    python = f"{sys.version_info[0]}.{sys.version_info[1]}{'t' if free_threaded else ''}"
    return Host(platform=platform_tag(), python=python)


def platform_tag() -> str:
    """`win_amd64`, `linux_x86_64`, or whatever this platform is called (no target names it then)."""
    tag = sysconfig.get_platform().replace("-", "_").replace(".", "_").lower()
    return f"musl{tag}" if _is_musl() and tag.startswith("linux") else tag


def _is_musl() -> bool:
    """Whether this Python is for musl; sysconfig calls its platform as it calls that of glibc."""
    names = ("HOST_GNU_TYPE", "MULTIARCH", "EXT_SUFFIX")
    return any("musl" in str(sysconfig.get_config_var(name)) for name in names)


@cache
def find_interpreter(version: str) -> str | None:
    """A Python of this minor version; None when there is none.

    It is the one that runs, one on PATH, in a hosted runner's tool cache, in a manylinux image, or one that the py
    launcher, pyenv or uv knows.
    """
    if version == this_python():
        return sys.executable
    on_path = shutil.which(f"python{version}")
    if on_path and Path(on_path).parent.name != "shims":
        return on_path
    if cached := _tool_cache(version) or _in_manylinux(version):
        return cached
    launcher = shutil.which("py")
    told = ask([launcher, f"-{version}", "-c", "import sys; print(sys.executable)"]).text if launcher else None
    return told or _pyenv(version) or _of_uv(version)


def interpreter_identity(interpreter: str) -> list[str | int]:
    """Which Python it is: an update of it takes another place, or another time; nothing for none."""
    if not interpreter:
        return []
    file = Path(interpreter).resolve()
    return [str(file), file.stat().st_mtime_ns]


def python_include(interpreter: str) -> str:
    """The directory where this Python's headers should be; empty when it cannot be asked."""
    return ask([interpreter, "-c", "import sysconfig; print(sysconfig.get_paths()['include'])"]).text or ""


def this_python() -> str:
    """The minor version of the Python that runs."""
    return f"{sys.version_info[0]}.{sys.version_info[1]}"


def _tool_cache(version: str) -> str | None:
    """The newest patch release in the directory where GitHub's setup-python puts what it installs."""
    directory = os.environ.get("RUNNER_TOOL_CACHE")
    name = "x64/python.exe" if sys.platform == "win32" else f"x64/bin/python{version}"
    found = Path(directory).glob(f"Python/{version}.*/{name}") if directory else ()
    return next((str(path) for path in sorted(found, key=_patch, reverse=True)), None)


def _in_manylinux(version: str) -> str | None:
    """The Python of pypa's manylinux images, each in a folder named by its tag."""
    abi = version.replace(".", "")
    found = MANYLINUX_PYTHONS / f"cp{abi.removesuffix('t')}-cp{abi}" / "bin" / "python"
    return str(found) if found.is_file() else None


def _patch(path: Path) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"Python\W(\d+)\.(\d+)\.(\d+)", str(path))[-1])


def _pyenv(version: str) -> str | None:
    """pyenv's own copy: its shim on PATH refuses a version that is not the chosen one."""
    versions = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python{version}"))
    return str(versions[-1]) if versions else None


def _of_uv(version: str) -> str | None:
    """The one that `uv python install` put into uv's own folder, which neither PATH nor the py launcher need know."""
    uv = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
    words = ("python", "find", "--no-python-downloads", "--python-preference", "only-managed", version)
    return ask([uv, *words]).text or None if uv else None


def usable_processors() -> int:
    """Processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def describe() -> str:
    """One line about this machine, for messages."""
    libc = " with musl" if _is_musl() else ""
    return f"{platform.system()} {platform.machine()}{libc}, Python {platform.python_version()}"


def registry_values(key: str) -> dict[str, str]:
    """The text values below `key` of HKEY_LOCAL_MACHINE, by name, of the 64-bit view before the 32-bit one.

    Empty when there is no such key, and on any other system than Windows.
    """
    found: dict[str, str] = {}
    if sys.platform == "win32":
        import winreg

        for view in (winreg.KEY_WOW64_64KEY, winreg.KEY_WOW64_32KEY):
            try:
                with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, key, 0, winreg.KEY_READ | view) as opened:
                    values = [winreg.EnumValue(opened, index) for index in range(winreg.QueryInfoKey(opened)[1])]
            except OSError:
                continue
            found = {**{name: value for name, value, kind in values if isinstance(value, str)}, **found}
    return found


def registry_number(key: str, name: str) -> int | None:
    """A number below `key` of HKEY_LOCAL_MACHINE; None when it is not there, and on another system than Windows."""
    found: object = None
    if sys.platform == "win32":
        import winreg

        with suppress(OSError), winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, key) as opened:
            found, _ = winreg.QueryValueEx(opened, name)
    return found if isinstance(found, int) else None


def long_paths_allowed() -> bool:
    """Whether paths may have more than 260 characters: everywhere but on a Windows that was not told so."""
    return sys.platform != "win32" or registry_number(FILE_SYSTEM, LONG_PATHS) == 1


def parse_processor_flags(text: str) -> frozenset[str] | None:
    """The flags of the first processor in the text of /proc/cpuinfo; None when it lists none."""
    match = re.search(r"^flags\s*:(.*)$", text, re.M)
    return frozenset(match[1].split()) if match else None


if sys.platform == "win32":

    def processor_flags() -> frozenset[str] | None:
        """What vector instructions the processor has, as Linux calls them; None where that cannot be read."""
        has = ctypes.windll.kernel32.IsProcessorFeaturePresent
        return frozenset(name for name, feature in WINDOWS_FEATURES.items() if has(feature))

else:

    def processor_flags() -> frozenset[str] | None:
        """What vector instructions the processor has, as Linux calls them; None where that cannot be read."""
        try:
            return parse_processor_flags(Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace"))
        except OSError:
            return None
