"""The workflows as documents, and the programs that check them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".github" / "workflows"
FILES = sorted(FOLDER.glob("*.yml"))


def load(name: str) -> dict[Any, Any]:
    """A workflow by its file's name; its triggers are under True, which is what `on` is to YAML."""
    document = yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))
    assert isinstance(document, dict)
    return document


def steps(document: dict[Any, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every step with the id of its job."""
    for job, body in document["jobs"].items():
        yield from ((job, step) for step in body["steps"])


def program(name: str) -> Path:
    """A checker that pip installed beside the Python that runs."""
    return Path(sys.executable).with_name(name + (".exe" if sys.platform == "win32" else ""))


def run(name: str, *words: str | Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """What a checker says."""
    argv = [str(program(name)), *map(str, words)]
    return subprocess.run(argv, cwd=cwd, capture_output=True, text=True, encoding="utf-8", check=False)


def actionlint(*files: Path) -> subprocess.CompletedProcess[str]:
    """GitHub's rules for workflows, shellcheck's for their lines where that is installed."""
    return run("actionlint", "-no-color", *files)


def zizmor(folder: Path) -> subprocess.CompletedProcess[str]:
    """What an attacker could make of them."""
    return run("zizmor", "--offline", "--no-progress", "--color", "never", folder)


def schema(*files: Path) -> subprocess.CompletedProcess[str]:
    """The published schema of workflow files."""
    return run("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *files)
