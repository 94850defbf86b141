"""The compiler of a Linux host, and what of the system is missing before any time is spent."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from scripts.command import ask
from scripts.errors import PrerequisiteError
from scripts.facts.facts import Facts
from scripts.facts.system_packages import PackageManager


@dataclass(frozen=True, kw_only=True)
class Gcc:
    """The g++ of a Linux host and its linker, as they name themselves."""

    compiler: str  # the path that is run
    version: str  # "g++ (Debian 12.2.0-14) 12.2.0"
    target: str  # "x86_64-linux-gnu"
    linker: str  # "GNU ld (GNU Binutils for Debian) 2.40"
    major: int  # 12

    def identity(self) -> dict[str, str]:
        """What of it can change a binary."""
        return {"compiler": self.version, "target": self.target, "linker": self.linker}


def find_gcc(facts: Facts) -> Gcc:
    """The g++ of this host, or what CXX names; raises PrerequisiteError with the install command when there is none."""
    compiler = shutil.which(os.environ.get("CXX") or "g++")
    if not compiler:
        raise PrerequisiteError(missing_message("compiler", facts), id="compiler-not-found")
    linker = _first_line([compiler, "-print-prog-name=ld"])
    major = _first_line([compiler, "-dumpversion"]).partition(".")[0]
    return Gcc(
        compiler=compiler,
        version=_first_line([compiler, "--version"]),
        target=_first_line([compiler, "-dumpmachine"]),
        linker=_first_line([linker, "--version"]),
        major=int(major) if major.isdecimal() else 0,
    )


def absent_headers(gcc: Gcc, headers: Iterable[str], directories: Sequence[str] = ()) -> frozenset[str]:
    """Those of `headers` that the compiler does not find."""
    return frozenset(header for header in set(headers) if not _has_header(gcc.compiler, header, directories))


def require_python_headers(gcc: Gcc, directory: str, facts: Facts) -> None:
    """Raise PrerequisiteError when Python.h of the build's Python is not in `directory`."""
    if absent_headers(gcc, ["Python.h"], [directory]):
        raise PrerequisiteError(missing_message("python-headers", facts), id="python-headers-not-found")


def missing_message(need: str, facts: Facts) -> str:
    """What is missing and the command of this host's package manager that adds it."""
    row = facts.needs[need]
    return f"{row.what} is missing; install it with: {install_line(row.packages, facts.managers)}"


def install_line(packages: Mapping[str, Sequence[str]], managers: Mapping[str, PackageManager]) -> str:
    """The command for the package manager found here; every known one when none is found."""
    usable = [manager for name, manager in managers.items() if name in packages]
    here = [manager for manager in usable if shutil.which(manager.program)][:1]
    return " | ".join(m.command.format(packages=" ".join(packages[m.name])) for m in here or usable)


def _first_line(argv: Sequence[str]) -> str:
    answer = ask(argv, env={**os.environ, "LC_ALL": "C"})
    return next(iter(answer.output.splitlines()), "")


def _has_header(compiler: str, header: str, directories: Sequence[str]) -> bool:
    argv = [compiler, *(f"-I{directory}" for directory in directories), "-E", "-x", "c++", "-", "-o", os.devnull]
    return ask(argv, stdin=f"#include <{header}>\n").exit_code == 0
