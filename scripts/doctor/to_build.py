"""The checks of what building a target needs, each named as its row: looked at, nothing fetched, nothing changed."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import psutil

from scripts.command import ask
from scripts.dirs import CHECKOUT, Dirs
from scripts.disk_space import Place, in_words, shortages, why_not_writable
from scripts.doctor.prerequisite import Seen, ok
from scripts.errors import PrerequisiteError
from scripts.facts.facts import Facts
from scripts.host import ALLOW_LONG_PATHS, LONGEST_PATH, find_interpreter, long_paths_allowed, python_include
from scripts.install.environment import Environment
from scripts.install.package_client import client_words
from scripts.plan.target import Target
from scripts.shell import line_for
from scripts.toolchain.cuda.discovery import NAMED_VARIABLE
from scripts.toolchain.cuda.toolkit import ask_compiler, compiler_of
from scripts.toolchain.gcc import install_line, require_python_headers
from scripts.toolchain.survey import Survey

DEEPEST = 190  # characters below the cache: the longest path of a build's objects
# PowerShell prints into a pipe in the code page of consoles, which lacks letters of folders
EXCLUSIONS = "[Console]::OutputEncoding = [Text.Encoding]::UTF8; (Get-MpPreference).ExclusionPath"


@dataclass(frozen=True, kw_only=True)
class BuildChecks:
    """A target, what this machine has for it, and the environment that was named to build in."""

    survey: Survey
    facts: Facts
    dirs: Dirs
    environment: Environment
    named: bool  # whether that environment is to be built in by hand; invoke build makes its own
    context: Mapping[str, str | bool]
    variables: Mapping[str, str] = field(default_factory=lambda: os.environ)

    @property
    def target(self) -> Target:
        """What is to be built."""
        return self.survey.target

    def by_id(self) -> Mapping[str, Callable[[], Seen]]:
        """Every check, by the id of its row."""
        tools = {name: partial(self.tool, name) for name in ("ninja", "psutil", "py-cpuinfo", "setuptools")}
        return {
            "administrator": self.administrator,
            "build-python": self.build_python,
            "visual-studio": self.visual_studio,
            "host-compiler": self.host_compiler,
            "python-headers": self.python_headers,
            "op-headers": self.op_headers,
            "cuda-toolkit": self.cuda_toolkit,
            "cuda-home": self.cuda_home,
            **tools,
            "disk": self.disk,
            "memory": self.memory,
            "long-paths": self.long_paths,
            "virus-scanner": self.virus_scanner,
        }

    def administrator(self) -> Seen:
        """Rights, where this DeepSpeed asks for them."""
        return ok("yes") if is_administrator() else Seen(state="wrong", found="no")

    def build_python(self) -> Seen:
        """An interpreter of the target's Python."""
        found = find_interpreter(self.target.python)
        words = ("uv", "python", "install", self.target.python)
        return ok(found) if found else Seen(state="missing", found=f"no Python {self.target.python}", words=words)

    def visual_studio(self) -> Seen:
        """An installed Visual Studio that has compilers."""
        studios = self.survey.studios
        if any(studio.toolsets for studio in studios):
            return ok(", ".join(f"{one.name} {one.version} ({', '.join(one.toolsets)})" for one in studios))
        return self._without_compiler("wrong" if studios else "missing")

    def host_compiler(self) -> Seen:
        """A compiler that the target's CUDA and torch accept."""
        host = self.survey.host
        if host and not self.survey.why_no_host:
            return ok(host.name)
        return self._without_compiler("wrong" if host or self.survey.studios else "missing")

    def _without_compiler(self, state: str) -> Seen:
        found, line = _halves(self.survey.why_no_host or "no compiler is found")
        return Seen(state="wrong" if state == "wrong" else "missing", found=found, values={"line": line})

    def python_headers(self) -> Seen:
        """Python.h, as the host compiler finds it."""
        host, python = self.survey.host, find_interpreter(self.target.python)
        line = {"line": install_line(self.facts.needs["python-headers"].packages, self.facts.managers)}
        if host is None or host.gcc is None or python is None:
            return Seen(state="unknown", found="there is no compiler, or no Python, to ask", values=line)
        folder = python_include(python)
        try:
            require_python_headers(host.gcc, folder, self.facts)
        except PrerequisiteError:
            return Seen(state="missing", found=f"no Python.h in {folder or 'any folder'}", values=line)
        return ok(folder)

    def op_headers(self) -> Seen:
        """Headers of the system that single ops need."""
        missing = self.survey.missing
        if not missing:
            return ok("all are here" if self.survey.host else "asked once there is a compiler")
        found = "; ".join(f"{op}: {_halves(reason)[0]}" for op, reason in missing.items())
        lines = dict.fromkeys(_halves(reason)[1] for reason in missing.values())
        return Seen(state="missing", found=found, values={"line": " && ".join(lines)})

    def cuda_toolkit(self) -> Seen:
        """One of the target's version; a build fetches one where there is none."""
        wanted, passed = self.target.cuda_version, "; ".join(self.survey.passed_over)
        if wanted is None:
            return ok("not needed for the CPU")
        if self.survey.toolkits:
            first = self.survey.toolkits[0]
            return ok(f"CUDA {first.nvcc} in {first.root}")
        if passed and self.variables.get(NAMED_VARIABLE):
            return Seen(state="wrong", found=passed)
        return ok(
            f"none is installed for {wanted}, so a build fetches it{f'; passed over: {passed}' if passed else ''}"
        )

    def cuda_home(self) -> Seen:
        """CUDA_HOME and CUDA_PATH: one toolkit, of torch's own CUDA."""
        named = {name: value for name in ("CUDA_HOME", "CUDA_PATH") if (value := self.variables.get(name))}
        if not named:
            return ok("not set; invoke build sets its own")
        told = ", ".join(f"{name}={value}" for name, value in named.items())
        if len({os.path.normcase(Path(value)) for value in named.values()}) > 1:
            return Seen(state="wrong", found=f"{told}: they differ")
        return self._toolkit_named(told, Path(next(iter(named.values()))))

    def _toolkit_named(self, told: str, root: Path) -> Seen:
        compiler = compiler_of(root, self.target.system)
        if not compiler.is_file():
            return Seen(state="wrong", found=f"{told}: {compiler} is not there")
        try:
            version, _ = ask_compiler(compiler)
        except PrerequisiteError as error:
            return Seen(state="wrong", found=str(error))
        wanted = self.target.cuda_version
        if wanted and version.partition(".")[0] != wanted.partition(".")[0]:
            return Seen(state="wrong", found=f"{told} is CUDA {version}, and torch is for {wanted}")
        return ok(f"{told} (CUDA {version})")

    def tool(self, name: str) -> Seen:
        """A package of the environment; only of one that is to be built in by hand is it asked."""
        version = self.environment.tools.get(name)
        if version:
            return ok(version)
        if not self.named:
            return ok("not in this environment; invoke build brings its own")
        try:
            words = (*client_words(self.environment), name)
        except PrerequisiteError as error:
            return Seen(state="missing", found=f"not installed; {error}", values={"line": str(error)})
        return Seen(state="missing", found="not installed", words=words)

    def disk(self) -> Seen:
        """Room for what a build writes, as rows of costs.yaml have it."""
        rows = [
            r for r in self.facts.disk if (r.system, r.accelerator) == (self.target.system, self.target.accelerator)
        ]
        here = {"packages": CHECKOUT / ".nox", "wheel": self.dirs.wheelhouse}
        fetched = bool(self.survey.toolkits)
        places = [
            Place(directory=here.get(row.what, self.dirs.cache), bytes=row.bytes, what=row.what, moved_by="")
            for row in rows
            if not (row.what == "toolkit" and fetched)
        ]
        refused = {str(place.directory): why for place in places if (why := why_not_writable(place, make=False))}
        if refused:
            told = "; ".join(f"{folder} cannot be written: {why}" for folder, why in refused.items())
            return Seen(state="wrong", found=told)
        short = shortages(places)
        if not short:
            return ok(f"{in_words(sum(place.bytes for place in places))} are needed at most, and free")
        return Seen(state="wrong", found="; ".join(line.strip().rstrip(":") for one in short for line in one.lines[:1]))

    def memory(self) -> Seen:
        """Memory for one compiler."""
        steps = ("compile", "nvcc") if self.target.cuda_version else ("compile",)
        peaks = [row.peak_bytes for row in self.facts.costs if row.system == self.target.system and row.step in steps]
        needed, free = max(peaks, default=0), int(psutil.virtual_memory().available)
        if free < needed:
            return Seen(state="wrong", found=f"{in_words(free)} free, one compiler takes up to {in_words(needed)}")
        return ok(f"{in_words(free)} free: {free // max(needed, 1)} compilers at once by memory")

    def long_paths(self) -> Seen:
        """Paths of any length, or folders near the root."""
        longest = max(len(str(folder)) for folder in (self.dirs.cache, CHECKOUT)) + DEEPEST
        if long_paths_allowed():
            return ok("allowed")
        if longest < LONGEST_PATH:
            return ok("not allowed, and not needed: the folders are near the root")
        found = f"not allowed, and paths have up to {longest} characters here"
        return _by_hand(Seen(state="wrong", found=found, words=ALLOW_LONG_PATHS))

    def virus_scanner(self) -> Seen:
        """Whether the cache is excluded; the list is shown to administrators alone."""
        shell = shutil.which("powershell")
        told = ask([shell, "-NoProfile", "-Command", EXCLUSIONS], seconds=30).text if shell else None
        listed = [Path(line.strip()) for line in (told or "").splitlines() if line.strip()]
        if any(folder in (self.dirs.cache, *self.dirs.cache.parents) for folder in listed):
            return ok(str(self.dirs.cache))
        line = {"line": line_for("powershell", ("Add-MpPreference", "-ExclusionPath", str(self.dirs.cache)))}
        if told is None:
            return Seen(state="unknown", found="Windows Defender cannot be asked", values=line)
        if not is_administrator():
            return Seen(state="unknown", found="nobody but an administrator is told", values=line)
        return Seen(state="missing", found=f"{self.dirs.cache} is read by it", values=line)


def is_administrator() -> bool:
    """Whether this process has the rights of one."""
    if sys.platform == "win32":
        import ctypes

        found = bool(ctypes.windll.shell32.IsUserAnAdmin())
    else:
        found = os.geteuid() == 0
    return found


def _by_hand(seen: Seen) -> Seen:
    """The same, whose line is shown and not run: it needs an administrator."""
    return Seen(state=seen.state, found=seen.found, values={"line": " ".join(seen.words)})


def _halves(message: str) -> tuple[str, str]:
    """What is wrong and what to do, of an error of ours: its last line, or what stands behind the semicolon."""
    head, newline, tail = message.strip().rpartition("\n")
    if not newline:
        head, _, tail = message.strip().partition("; ")
    first = " ".join(line.strip() for line in head.splitlines()[:2])
    return first, tail.strip() or "look at what invoke toolchain prints"
