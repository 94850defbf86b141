"""A CUDA 13 toolkit out of wheels alone: NVIDIA's component wheels of the default index, made into one directory."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from scripts.command import Log, check, no_log, run
from scripts.errors import BuildEnvironmentError, CommandError, PrerequisiteError
from scripts.facts.facts import Facts
from scripts.fetch.download import require_space
from scripts.fetch.installer import Installer, environment_python
from scripts.toolchain.cuda.import_library import write_import_library
from scripts.versions import minor_of

SHARED = re.compile(r"(lib[\w+-]+\.so)(\.[\d.]+)")  # libcurand.so.10
DLL = re.compile(r"([A-Za-z]\w*?)(64)?_[\d_]+\.dll")  # curand64_10.dll


def toolkit_requirement(release: str, facts: Facts) -> str:
    """What the package client is asked for.

    crt and nvvm are named beside nvcc, whose wheel takes any version of them (rule pip-cu13-pins).
    """
    extras = ",".join(row.extra for row in facts.toolkit_components.values())
    return facts.toolkit_wheels.requirement.format(extras=extras, release=release)


def fill_from_wheels(
    draft: Path,
    release: str,
    facts: Facts,
    system: str,
    installer: Installer,
    log: Log = no_log,
) -> Mapping[str, str]:
    """Make `draft` a toolkit from wheels; the packages and versions that it consists of.

    Raises PrerequisiteError when CUDA's wheels hold no compiler for this system, or cannot be had.
    """
    require_compiler(release, facts, system)
    require_space(draft, facts.toolkit_wheels.bytes[system])
    environment = draft / "v"
    _install(environment, toolkit_requirement(release, facts), installer, log)
    packages = environment_packages(environment)
    tree = next(iter(packages.glob("nvidia/cu*/bin")), None)
    if tree is None:
        raise PrerequisiteError(
            f"the wheels of CUDA {release} hold no nvidia/cu*/bin; their layout has changed",
            id="cuda-wheels-not-usable",
        )
    for entry in tree.parent.iterdir():
        entry.rename(draft / entry.name)
    versions = installed_versions(packages)
    keep_licences(packages, draft / "licences")
    shutil.rmtree(environment)
    complete_windows(draft) if system == "windows" else complete_linux(draft)
    return versions


def require_compiler(release: str, facts: Facts, system: str) -> None:
    """Raise PrerequisiteError when the wheels of this CUDA bring no compiler."""
    row = facts.cuda.get(minor_of(release))
    if row is None or row.pip_compiler[system] == "no":
        raise PrerequisiteError(
            f"CUDA {release} has no wheels with a compiler: only those of CUDA 13 and newer have",
            id="cuda-toolkit-not-available",
        )


def _install(environment: Path, requirement: str, installer: Installer, log: Log) -> None:
    steps = (
        installer.create(environment, sys.executable),
        installer.install(environment_python(environment), [requirement]),
    )
    for command in steps:
        try:
            check(command, run(command, log=lambda line: log(f"  {line}")))
        except (CommandError, BuildEnvironmentError) as error:
            raise PrerequisiteError(
                f"{requirement} cannot be installed: {error}", id="cuda-wheels-not-usable"
            ) from None


def environment_packages(environment: Path) -> Path:
    """The directory that an environment's packages lie in."""
    found = [*environment.glob("Lib/site-packages"), *environment.glob("lib/python*/site-packages")]
    return found[0]


def installed_versions(packages: Path) -> dict[str, str]:
    """The version of each package by name, as their metadata directories are called."""
    names = (path.name.removesuffix(".dist-info").rpartition("-") for path in sorted(packages.glob("*.dist-info")))
    return {name: version for name, _, version in names if name.startswith(("nvidia_", "cuda_"))}


def keep_licences(packages: Path, directory: Path) -> None:
    """NVIDIA's licence texts, each under its package's name."""
    directory.mkdir(exist_ok=True)
    for text in packages.glob("nvidia_*.dist-info/licenses/*"):
        shutil.copyfile(text, directory / f"{text.parent.parent.name.removesuffix('.dist-info')}-{text.name}")


def complete_linux(root: Path) -> None:
    """What the wheels leave out on Linux: `lib64`, and the names without a version that a linker looks for."""
    for library in sorted((root / "lib").iterdir()):
        if name := SHARED.fullmatch(library.name):
            link = root / "lib" / name[1]
            if not link.exists():
                link.symlink_to(library.name)
    if not (root / "lib64").exists():
        (root / "lib64").symlink_to("lib")


def complete_windows(root: Path) -> None:
    """What the wheels leave out on Windows: import libraries, made from the DLLs' exports (rule pip-cu13-win-libs)."""
    directory = root / "lib" / "x64"
    directory.mkdir(parents=True, exist_ok=True)
    for dll in _dlls(root):
        name = DLL.fullmatch(dll.name)
        library = directory / f"{name[1]}.lib" if name else None
        if library and not library.exists():
            write_import_library(dll, library)


def _dlls(root: Path) -> Iterable[Path]:
    return sorted(root.glob("bin/**/*.dll"))
