"""A wheel, its torch and all that they require as a folder, with what installs it where there is no network.

pip chooses and downloads, as it would install: with the person's own settings, for the environment that is asked about.
Its own wheel is in the folder, too, for environments without it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import parse_wheel_filename

from scripts.carried import carried_bytes
from scripts.errors import InputError
from scripts.files import discard, draft_name, rename_patiently, sha256_of
from scripts.install.environment import Environment
from scripts.install.package_client import pip_words, run_client
from scripts.wheel.published import Published
from scripts.wheel.record import WheelRecord

INSIDE = Path(__file__).parent / "inside"
PROGRAMS = ("bundled.py", "keep.py", "loads.py")
FOLDER = "inside"  # of the bundle, with what installs it
SH = """\
#!/bin/sh
# Installs {wheel} without a network: sh install.sh [PYTHON or its environment]
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd) || exit 1
python=${{1:-${{VIRTUAL_ENV:-python3}}}}
if [ -d "$python" ]; then python=$python/bin/python; fi
exec "$python" "$here/inside/bundled.py"
"""
CMD = """\
@echo off
rem Installs {wheel} without a network: install.cmd [PYTHON or its environment]
setlocal
set "PYTHON=%~1"
if not defined PYTHON set "PYTHON=%VIRTUAL_ENV%"
if not defined PYTHON set "PYTHON=python"
if exist "%PYTHON%\\Scripts\\python.exe" set "PYTHON=%PYTHON%\\Scripts\\python.exe"
if exist "%PYTHON%\\python.exe" set "PYTHON=%PYTHON%\\python.exe"
"%PYTHON%" "%~dp0inside\\bundled.py"
exit /b %ERRORLEVEL%
"""


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """What goes into one: the wheel, the environment whose like it is for, and the torch."""

    record: WheelRecord
    published: Published
    environment: Environment

    @property
    def torch(self) -> str:
        """The torch of the environment, else the one that the wheel was built with."""
        torch, target = self.environment.torch, self.record.target
        return torch.installed if torch else f"{target.torch}+{target.cuda}"

    def words(self, wheel: str, folder: Path) -> list[str]:
        """The command that downloads into the folder; raises PrerequisiteError where there is no pip."""
        return [
            *pip_words(self.environment),
            "download",
            "--no-input",
            "--only-binary",
            ":all:",
            "--dest",
            str(folder),
            "--extra-index-url",
            self.published.torch_channel(self.record.target),
            f"deepspeed @ {wheel}#sha256={self.record.sha256}",
            f"torch=={self.torch}",
            "pip",
        ]


def require_free(folder: Path) -> None:
    """Raise InputError unless the folder can be made, or is an empty one."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"--bundle {folder}: something is there already; name a new folder", id="value-not-accepted")


def write_bundle(bundle: Bundle, wheel: Path, folder: Path) -> int:
    """Write the folder whole or not at all, and give its size in bytes; raises CommandError when pip fails."""
    require_free(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = draft_name(folder)
    try:
        wheels = draft / "wheels"
        wheels.mkdir(parents=True)
        run_client(bundle.words(wheel.resolve().as_uri(), wheels))
        write_programs(bundle, draft)
        if folder.exists():
            folder.rmdir()
        rename_patiently(draft, folder)
    finally:
        discard(draft)
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def write_programs(bundle: Bundle, folder: Path) -> None:
    """What installs the wheels that lie in the folder, and their digests."""
    inside = folder / FOLDER
    inside.mkdir()
    for pip in (folder / "wheels").glob("pip-*.whl"):
        shutil.move(pip, inside)
    for name in PROGRAMS:
        (inside / name).write_bytes(carried_bytes(INSIDE / name))
    wheels = sorted((folder / "wheels").glob("*.whl"))
    digests = {path.relative_to(folder).as_posix(): sha256_of(path) for path in [*wheels, *inside.glob("pip-*.whl")]}
    target = bundle.record.target
    told = {
        "deepspeed": target.wheel_version,
        "torch": _version_of("torch", wheels),
        "python": target.python,
        "platform": target.platform,
        "files": digests,
    }
    (inside / "bundle.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    lines = (f"{_pinned(path)} --hash=sha256:{digests[f'wheels/{path.name}']}\n" for path in wheels)
    (folder / "requirements.txt").write_text("".join(lines), encoding="utf-8")
    (folder / "install.sh").write_bytes(SH.format(wheel=bundle.record.file).encode())
    (folder / "install.cmd").write_bytes(CMD.format(wheel=bundle.record.file).replace("\n", "\r\n").encode())


def _version_of(name: str, wheels: Sequence[Path]) -> str:
    return next(version for path in wheels for found, version in [_named(path)] if found == name)


def _pinned(wheel: Path) -> str:
    return "==".join(_named(wheel))


def _named(wheel: Path) -> tuple[str, str]:
    name, version, *_ = parse_wheel_filename(wheel.name)
    return name, str(version)
