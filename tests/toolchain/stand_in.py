"""Made-up CUDA toolkits: every file that counts, and an nvcc that runs and says a version."""

from __future__ import annotations

import io
import os
import sys
import zipfile
from pathlib import Path

from scripts.matrix.facts import load_facts
from scripts.toolchain.toolkit import compiler_of, this_system

SYSTEM = this_system()
SAYS = "nvcc: NVIDIA (R) Cuda compiler driver\nCuda compilation tools, release {minor}, V{full}\n"


def program_bytes(output: str, exit_code: int = 0) -> bytes:
    """A program of this system that prints `output`: a script, or on Windows distlib's launcher with one behind it."""
    if os.name != "nt":
        return f"#!/bin/sh\ncat <<'END'\n{output}END\nexit {exit_code}\n".encode()
    import distlib  # comes with virtualenv

    script = io.BytesIO()
    with zipfile.ZipFile(script, "w") as zipped:
        zipped.writestr("__main__.py", f"import sys\nsys.stdout.write({output!r})\nsys.exit({exit_code})\n")
    launcher = (Path(str(distlib.__file__)).parent / "t64.exe").read_bytes()
    return launcher + f"#!{sys.executable}\r\n".encode() + script.getvalue()


def nvcc_bytes(full: str = "12.4.131", exit_code: int = 0) -> bytes:
    """An nvcc that says it is of this version."""
    return program_bytes(SAYS.format(minor=".".join(full.split(".")[:2]), full=full), exit_code)


def compiler_name() -> str:
    """The compiler's path below the root."""
    return compiler_of(Path(), SYSTEM).as_posix()


def component_files(name: str, system: str = SYSTEM, full: str = "12.4.131") -> dict[str, bytes]:
    """The files of one component, by path below the root; the compiler runs."""
    files = {}
    for pattern in load_facts().toolkit_components[name].files[system]:
        path = pattern.split(" | ")[-1]
        runs = path == compiler_of(Path(), system).as_posix()
        files[path] = nvcc_bytes(full) if runs else f"{name} {path} of {full}".encode()
    return files


def make_toolkit(root: Path, full: str = "12.4.131", *, system: str = SYSTEM, without: str | None = None) -> Path:
    """A whole toolkit in `root`, but for the component `without`."""
    for name in load_facts().toolkit_components:
        if name != without:
            write_files(root, component_files(name, system, full))
    return root


def write_files(root: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(0o755)
