"""The compiler of a Linux host, and what of the system is missing before any time is spent."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from scripts.command import ask
from scripts.errors import PrerequisiteError
from scripts.facts.facts import Facts
from scripts.facts.system_packages import GccToolset, PackageManager


@dataclass(frozen=True, kw_only=True)
class Gcc:
    """The g++ of a Linux host and its linker, as they name themselves."""

    compiler: str  # the path that is run
    version: str  # "g++ (Debian 12.2.0-14) 12.2.0"
    target: str  # "x86_64-linux-gnu"
    linker: str  # "GNU ld (GNU Binutils for Debian) 2.40"
    major: int  # 12
    variables: Mapping[str, str] = field(default_factory=dict)  # that have others call this one where it is not g++

    def identity(self) -> dict[str, str]:
        """What of it can change a binary."""
        return {"compiler": self.version, "target": self.target, "linker": self.linker}


def find_gcc(facts: Facts) -> Gcc:
    """The g++ of this host, or what CXX names, or else a toolset.

    Raises PrerequisiteError with the install command when there is none.
    """
    named = os.environ.get("CXX")
    if compiler := shutil.which(named or "g++"):
        return _gcc_of(compiler)
    found = None if named else _toolset_here(facts, None)
    if found is None:
        raise PrerequisiteError(missing_message("compiler", facts), id="compiler-not-found")
    return found


def accepted_gcc(usual: Gcc, facts: Facts, newest: int | None) -> Gcc:
    """The usual compiler; where that is refused, the newest toolset here that is not.

    A compiler that CXX names is taken as it is. What cannot be helped is left to the gates.
    """
    if os.environ.get("CXX") or not is_refused(usual, facts, newest):
        return usual
    return _toolset_here(facts, newest) or usual


def is_refused(gcc: Gcc, facts: Facts, newest: int | None) -> bool:
    """Whether the compiler is too new for a CUDA that takes none after `newest`, or older than every toolset."""
    return (newest is not None and gcc.major > newest) or gcc.major < min(row.major for row in facts.gcc_toolsets)


def toolsets_up_to(facts: Facts, newest: int | None) -> list[GccToolset]:
    """The toolsets that a CUDA takes which takes none after `newest`; the newest first."""
    return [row for row in facts.gcc_toolsets if newest is None or row.major <= newest]


def _toolset_here(facts: Facts, newest: int | None) -> Gcc | None:
    programs = (program for row in toolsets_up_to(facts, newest) for program in row.programs)
    compiler = next((found for program in programs if (found := shutil.which(program))), None)
    if compiler is None:
        return None
    folder, name = os.path.split(compiler)
    beside = {"CXX": compiler, "CC": str(Path(folder, name.replace("g++", "gcc"))), "COMPILER_PATH": folder}
    return replace(_gcc_of(compiler), variables=beside)


def _gcc_of(compiler: str) -> Gcc:
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
