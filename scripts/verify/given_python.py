"""The Python that runs a wheel: whether what is installed there is that wheel, and where its libraries lie."""

from __future__ import annotations

import json
import os
from pathlib import Path

from scripts.errors import InputError
from scripts.files import record_digest, sha256_of
from scripts.verify.check import Verdict, verdict
from scripts.verify.environment_libraries import EnvironmentLibraries
from scripts.verify.interpreter import interpreter_at
from scripts.wheel.content import open_wheel

WITHIN = ("bin/python", "Scripts/python.exe", "python.exe", "python")  # of an environment's folder
ASK = """
import importlib.metadata, json, sys
try:
    found = importlib.metadata.distribution("deepspeed")
    installed = [found.version, str(found.locate_file(""))]
except importlib.metadata.PackageNotFoundError:
    installed = None
print(json.dumps([sys.version_info[:2], installed]))
"""
# torch is found and not imported: its libraries may be what does not load
ASK_FOR_TORCH = """
import importlib.util, json, os, sys, sysconfig
torch = importlib.util.find_spec("torch")
folders = list(torch.submodule_search_locations or ()) if torch else []
program = getattr(sys, "_base_executable", None) or sys.executable
print(json.dumps([os.name, os.path.realpath(program), folders[:1], sysconfig.get_paths()["platlib"]]))
"""
BY_INSTALLERS = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json")  # written into .dist-info at the installation


def find_python(given: str) -> Path:
    """The Python of a path to it or to an environment's folder; InputError for one that is absent or does not run."""
    path = Path(os.path.abspath(given))  # noqa: PTH100 - resolve() would leave the environment by its link
    if path.is_dir():
        found = next((path / name for name in WITHIN if (path / name).is_file()), None)
        if found is None:
            raise InputError(
                f"--python {given}: no Python in this folder; give an environment's", id="python-not-found"
            )
        path = found
    if not path.is_file():
        raise InputError(f"--python {given}: there is no such file; give a Python", id="python-not-found")
    interpreter = interpreter_at(path)
    if interpreter.fault:
        raise InputError(f"--python {given}: {interpreter.fault}", id="python-not-found")
    answer = interpreter.ask("-c", "import sys; print(sys.version_info[0])")
    if answer.text != "3":
        said = answer.errors.strip().splitlines()[-1:] or [answer.output.strip()[:80]]
        raise InputError(f"--python {given}: is no Python 3 that runs: {said[0]}", id="python-not-found")
    return path


def installed_verdict(python: Path, wheel: Path) -> Verdict:
    """Whether the DeepSpeed that this Python has is the wheel, file by file, as the wheel's RECORD says."""
    interpreter = interpreter_at(python)
    answer = interpreter.ask("-I", "-c", ASK)
    if answer.text is None:
        return False, f"{python} cannot say what it has: {answer.errors.strip()[-200:]}"
    _, installed = json.loads(answer.text.splitlines()[-1])
    if installed is None:
        return False, "no DeepSpeed is installed there; install the wheel, or leave --python out"
    version, folder = installed[0], interpreter.here(installed[1])
    with open_wheel(wheel) as content:
        if version != str(content.version):
            return False, f"deepspeed {version} is installed there, not {content.version}"
        rows = {
            path: digest
            for path, (digest, _) in content.record().items()
            if digest and ".data/" not in path and Path(path).name not in BY_INSTALLERS
        }
    faults = [f"{path} {fault}" for path, digest in rows.items() if (fault := _fault(folder / path, digest))]
    return verdict(faults, f"{len(rows)} files in {folder} are the wheel's")


def _fault(path: Path, digest: str) -> str:
    algorithm, _, wanted = digest.partition("=")
    if algorithm != "sha256":
        return ""  # pip and uv write no other; the check of RECORD speaks of it
    try:
        found = record_digest(bytes.fromhex(sha256_of(path)))
    except FileNotFoundError:
        return "is not there"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    return "" if found == wanted else "is another file"


def libraries_of(python: Path) -> EnvironmentLibraries | None:
    """Where the environment of this Python has its libraries; None for one without torch."""
    interpreter = interpreter_at(python)
    answer = interpreter.ask("-I", "-c", ASK_FOR_TORCH)
    if answer.text is None:
        return None
    name, program, torch, packages = json.loads(answer.text.splitlines()[-1])
    if not torch:
        return None
    system, here = "windows" if name == "nt" else "linux", interpreter.here
    return EnvironmentLibraries(system=system, program=here(program), torch=here(torch[0]), packages=here(packages))
