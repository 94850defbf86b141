"""A made-up Windows machine: Visual Studio and a CUDA toolkit installed, an index on loopback, a checkout."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from scripts.facts.source_files import LISTING_VARIABLE
from tests.wine.installations import make_cuda, make_visual_studio
from tests.wine.lab import Ended, Windows, copy_checkout
from tests.wine.packages import CUDA, PYTHON, gather_packages, serve

TOOLSETS = ("14.29.30133", "14.44.35207")
SET_AND_RUN = (
    "import json, os, subprocess, sys\n"
    "os.environ.update(json.loads(sys.argv[1]))\n"
    "sys.exit(subprocess.run([sys.executable, *sys.argv[2:]]).returncode)"
)
PROGRAMS = ("ProgramFiles", "ProgramW6432", "ProgramFiles(x86)")
PYTORCH = "https://download.pytorch.org"


@dataclass(frozen=True, kw_only=True)
class Machine:
    """Where its parts lie, and the variables that its user has."""

    windows: Windows
    checkout: Path
    programs: Path
    studio: Path
    toolkit: Path
    output: Path
    variables: Mapping[str, str]

    def python(self, *words: str, seconds: int = 300) -> Ended:
        """How `python WORDS` ended in the checkout.

        Wine sets variables such as ProgramFiles itself, so a first Python sets them for the one that is meant.
        """
        told = json.dumps(dict(self.variables))
        argv: list[str | Path] = [self.windows.python(PYTHON), "-c", SET_AND_RUN, told, *words]
        return self.windows.run(argv, cwd=self.checkout, seconds=seconds, attempts=1)

    def having(self, **variables: str) -> Machine:
        """The same machine with these variables."""
        return replace(self, variables={**self.variables, **variables})

    def without_programs(self) -> Machine:
        """The same machine with nothing in the folders for programs."""
        elsewhere = self.windows.path(self.output)
        return replace(self, variables={**self.variables, **dict.fromkeys(PROGRAMS, elsewhere)})

    def calls(self) -> list[dict[str, Any]]:
        """Every call of a stand-in so far."""
        log = self.output / "calls.jsonl"
        return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()] if log.exists() else []


def make_machine(windows: Windows, name: str, *, place: str = "programs", listed: bool = True) -> Machine:
    """A machine whose programs are in a folder called `place`; `listed`: whether vswhere knows its Visual Studio."""
    root = windows.fresh_folder(name)
    programs, output = root / place, root / "output"
    (output / "temp").mkdir(parents=True)
    studio = make_visual_studio(windows, programs, "2022", "BuildTools", TOOLSETS, listed=listed)
    folder = windows.path(output)
    variables = {
        **dict.fromkeys(PROGRAMS, windows.path(programs)),
        "CI": "true",
        "TEMP": rf"{folder}\temp",
        "TMP": rf"{folder}\temp",
        "UV_CACHE_DIR": rf"{folder}\uv",
        "DEEPSPEED_WHEELS_CACHE": rf"{folder}\cache",
        "DEEPSPEED_WHEELS_OUTPUT": folder,
        "STANDIN_LOG": rf"{folder}\calls.jsonl",
    }
    return Machine(
        windows=windows,
        checkout=copy_checkout(windows, name),
        programs=programs,
        studio=studio,
        toolkit=make_cuda(windows, programs, CUDA),
        output=output,
        variables=variables,
    )


@contextmanager
def connected(machine: Machine) -> Iterator[Machine]:
    """The machine with indexes on loopback that answer as long as the context lasts."""
    with serve(gather_packages(machine.windows)) as address:
        matrix = machine.checkout / "matrix.yaml"
        text = matrix.read_text(encoding="utf-8")
        assert PYTORCH in text
        matrix.write_text(text.replace(PYTORCH, address), encoding="utf-8")
        told = {
            "PIP_INDEX_URL": f"{address}/simple/",
            "DEEPSPEED_WHEELS_TAG_ARCHIVE": f"{address}/tags/{{version}}.tar.gz",
            LISTING_VARIABLE: "",  # the checkout's own: real sources are built from
        }
        yield machine.having(**told)
