"""A CUDA toolkit: what it must hold to count as one, and what its compiler says of itself."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from scripts.command import Command, run
from scripts.errors import CommandError, PrerequisiteError
from scripts.facts.facts import Facts
from scripts.facts.toolkit_parts import ToolkitComponent

RELEASE = re.compile(r"release (\d+\.\d+), V(\d+(?:\.\d+)+)")
ASK_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class Toolkit:
    """A complete toolkit on this machine; `source` says how it came here."""

    root: Path
    version: str  # "12.4"
    nvcc: str  # "12.4.131"
    source: str  # "named" | "variable" | "registry" | "folder" | "redist" | "pip"
    system: str  # "windows" | "linux"
    headers: str = ""  # digest of the headers that tell the versions of its parts

    @property
    def compiler(self) -> Path:
        """The program that is run."""
        return compiler_of(self.root, self.system)

    @property
    def include(self) -> Path:
        """The directory of its headers."""
        return self.root / "include"

    @property
    def libraries(self) -> Path:
        """The directory that is linked from."""
        if self.system == "windows":
            return self.root / "lib" / "x64"
        return next((self.root / name for name in ("lib64", "lib") if (self.root / name).is_dir()), self.root / "lib64")

    def identity(self) -> dict[str, str]:
        """What of it can change a binary."""
        return {"nvcc": self.nvcc, "toolkit-headers": self.headers}


def this_system() -> str:
    """`windows` or `linux`: whose toolkits run here."""
    return "windows" if os.name == "nt" else "linux"


def compiler_of(root: Path, system: str) -> Path:
    """Where the toolkit in `root` keeps its compiler."""
    return root / "bin" / ("nvcc.exe" if system == "windows" else "nvcc")


def examine(root: Path, source: str, facts: Facts, system: str, wanted: str = "") -> Toolkit:
    """The toolkit in `root`; raises PrerequisiteError with the reason when there is none, or not all that is needed.

    Its version is asked first: of one that is not the `wanted` minor it does not matter what it lacks.
    """
    compiler = compiler_of(root, system)
    if not compiler.is_file():
        raise PrerequisiteError(
            f"{root} holds no CUDA toolkit: there is no {compiler.relative_to(root).as_posix()}",
            id="not-a-cuda-toolkit",
        )
    version, nvcc = ask_compiler(compiler)
    if wanted and version != wanted:
        raise PrerequisiteError(f"{root} is CUDA {version}, not {wanted}", id="cuda-version-mismatch")
    if lacking := missing_files(root, facts.toolkit_components, system):
        listed = "; ".join(f"{component.what} ({', '.join(files)})" for component, files in lacking)
        raise PrerequisiteError(f"the CUDA toolkit in {root} lacks {listed}", id="cuda-toolkit-incomplete")
    headers = _digest(_headers(root, facts.toolkit_components, system))
    return Toolkit(root=root, version=version, nvcc=nvcc, source=source, system=system, headers=headers)


def missing_files(
    root: Path, components: Mapping[str, ToolkitComponent], system: str
) -> list[tuple[ToolkitComponent, list[str]]]:
    """The components that are not all there, each with the patterns that match nothing."""
    absent = {name: [f for f in row.files[system] if _find(root, f) is None] for name, row in components.items()}
    return [(components[name], files) for name, files in absent.items() if files]


def ask_compiler(compiler: Path) -> tuple[str, str]:
    """The toolkit's version and nvcc's own, "12.4" and "12.4.131"; raises PrerequisiteError when it does not run."""
    try:
        outcome = run(Command(argv=(str(compiler), "--version")), timeout_seconds=ASK_SECONDS)
    except CommandError as error:
        raise PrerequisiteError(f"{compiler} does not run: {error}", id="nvcc-not-usable") from None
    said = RELEASE.search(outcome.output)
    if outcome.exit_code or not said:
        last = (outcome.output.splitlines() or ["nothing"])[-1]
        raise PrerequisiteError(
            f"{compiler} does not say its version (exit code {outcome.exit_code}): {last}", id="nvcc-not-usable"
        )
    return said[1], said[2]


def _find(root: Path, pattern: str) -> Path | None:
    """The first path below `root` that one of the alternatives of `pattern` matches."""
    return next((path for one in pattern.split(" | ") for path in root.glob(one.strip())), None)


def _headers(root: Path, components: Mapping[str, ToolkitComponent], system: str) -> Iterator[Path]:
    for name in sorted(components):
        for pattern in components[name].files[system]:
            if pattern.startswith("include/") and (path := _find(root, pattern)):
                yield path


def _digest(files: Iterator[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:16]
