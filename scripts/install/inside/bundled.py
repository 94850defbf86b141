"""Installs a bundle of `install --bundle` without a network: `bundled.py`, with the Python that it is for.

Every file is compared with its digest first. A torch that is here stays; the DeepSpeed that is here is kept by keep.py
until the new one has shown by loads.py that it loads.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import sysconfig
from importlib import metadata
from pathlib import Path
from typing import Any

OWN = {"PIP_CONFIG_FILE": os.devnull, "PYTHONIOENCODING": "utf-8:replace"}
HERE = Path(__file__).resolve().parent
BUNDLE = HERE.parent


def main() -> None:
    """Install; ends with a message and exit code 1 where that cannot be, and with what was here before."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # Windows' page lacks letters of paths
    told: dict[str, Any] = json.loads((HERE / "bundle.json").read_text(encoding="utf-8"))
    problem = misfit(told) or other_torch(told) or damage(told)
    if problem:
        sys.exit(f"error: {problem}; nothing was changed")
    run("keep.py", "restore")  # what a killed installation left
    run("keep.py", "save")
    try:
        words = [f"deepspeed=={told['deepspeed']}", f"torch=={told['torch']}"]
        pip("install", "--no-index", "--find-links", str(BUNDLE / "wheels"), *words)
        sentence = loaded(run("loads.py"))
    except BaseException:
        run("keep.py", "restore")
        raise
    run("keep.py", "drop")
    sys.stdout.write(f"installed deepspeed {told['deepspeed']} into {sys.prefix}: {sentence}\n")


def misfit(told: dict[str, Any]) -> str:
    """In what this Python is another than the one that the bundle is for; nothing when it is that."""
    free_threaded = "t" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""
    found = {
        "python": f"{sys.version_info[0]}.{sys.version_info[1]}{free_threaded}",
        "platform": re.sub(r"[-.]", "_", sysconfig.get_platform()).lower(),
    }
    wanted = {key: told[key] for key in found}
    if found == wanted and sys.implementation.name == "cpython":
        return ""
    mine = f"{sys.executable} is {sys.implementation.name} {found['python']}, {found['platform']}"
    return f"this bundle is for CPython {wanted['python']}, {wanted['platform']}, and {mine}; name another"


def other_torch(told: dict[str, Any]) -> str:
    """That another torch is here, which stays; nothing when there is none, or the same."""
    try:
        torch = metadata.version("torch")
    except metadata.PackageNotFoundError:
        return ""
    if torch == told["torch"]:
        return ""
    return f"torch {torch} is here, and this bundle is for {told['torch']}; give it an environment of its own"


def damage(told: dict[str, Any]) -> str:
    """Which file is missing, or is not the one that was written; nothing when all are whole."""
    for name, digest in told["files"].items():
        path = BUNDLE / name
        if not path.is_file():
            return f"{path} is missing; copy the bundle again"
        if sha256_of(path) != digest:
            return f"{path} is damaged; copy the bundle again"
    return ""


def sha256_of(path: Path) -> str:
    """The hex digest of a file's content."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while True:
            block = file.read(1 << 20)
            if not block:
                return digest.hexdigest()
            digest.update(block)


def pip(*words: str) -> None:
    """Run the pip of the bundle, which is a program as it is."""
    wheel = next(iter(sorted((HERE).glob("pip-*.whl"))))
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    quiet = ["--no-input", "--disable-pip-version-check", "--no-cache-dir"]
    ended = subprocess.run([sys.executable, str(wheel / "pip"), *words, *quiet], env={**kept, **OWN}, check=False)
    if ended.returncode:
        sys.exit(f"error: pip ended with exit code {ended.returncode}; what was here before is here again")


def loaded(said: str) -> str:
    """What works, in a sentence; ends when DeepSpeed or an op does not load."""
    told = json.loads(said.strip().splitlines()[-1])
    waiting = [op for op, why in told["failed"].items() if "libcuda" in why]
    wrong = [f"{op}: {why}" for op, why in told["failed"].items() if op not in waiting]
    problem = told["imports"] or "; ".join(wrong) or told["report"]
    if problem:
        sys.exit(f"error: what was installed does not load: {problem}; what was here before is here again")
    waits = f"; {', '.join(waiting)} wait for an NVIDIA driver" if waiting else ""
    return f"it can be imported, and each of its {len(told['loaded'])} ops loads{waits}"


def run(name: str, *words: str) -> str:
    """What a program of the bundle prints."""
    ended = subprocess.run([sys.executable, str(HERE / name), *words], stdout=subprocess.PIPE, check=False)
    if ended.returncode:
        sys.exit(f"error: {name} {' '.join(words)} ended with exit code {ended.returncode}")
    return ended.stdout.decode("utf-8", "replace")


if __name__ == "__main__":
    main()
