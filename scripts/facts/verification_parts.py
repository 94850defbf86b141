"""parts.yaml: the parts of a wheel's verification by running it, and the levels that they belong to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from packaging.specifiers import SpecifierSet

from scripts.schema.annotations import RowName, Source
from scripts.schema.readers import choice

GROUPS = {
    "full": "The wheel itself",
    "op": "Ops",
    "part": "Parts of DeepSpeed",
    "library": "Libraries above it",
    "workload": "Workloads",
}
BESIDE = ("workloads", "integrations", "autotuning")  # levels of parts that `--with` adds
LEVELS = ("load", "core", "full", *BESIDE, "gpu")
PLACES = ("any", "device", "cuda", "cpu", "gpu")


@dataclass(frozen=True, kw_only=True)
class VerificationPart:
    """One program of the verification, or one of those that a program holds."""

    name: RowName
    group: Annotated[str, choice(*GROUPS)]
    program: str  # a module of DeepSpeed's after "-m ", else a file of `verify/suite` without its ending
    level: Annotated[str, choice(*LEVELS)]  # the first at which it runs
    where: Annotated[str, choice(*PLACES)] = "device"  # "any" needs none, "device" computes on the wheel's own
    processes: tuple[int, ...] = (1,)  # one number for each stage: (2, 4) is by two, then by four
    threads: int = 1
    ops: tuple[str, ...] = ()  # of the wheel, without which it is skipped
    packages: tuple[str, ...] = ()  # beside torch and what the wheel requires
    versions: SpecifierSet = field(default_factory=SpecifierSet)  # of DeepSpeed, that have what it tries
    cpu_versions: SpecifierSet = field(default_factory=SpecifierSet)  # those that can do it on a CPU
    why_not: str = ""  # the reason for the others
    launcher: bool = False  # started by DeepSpeed's own, as users do
    fresh: bool = False  # needs a process that has imported nothing yet
    seconds: float = 300.0  # the most that it may take
    proves: str  # in one line, for docs/verify.md
    source: Source

    @property
    def arguments(self) -> tuple[str, ...]:
        """What follows the program: the part's name, for the programs that hold several."""
        return (self.name,) if self.program.startswith("trial/") else ()


@dataclass(frozen=True, kw_only=True)
class VerificationLevel:
    """A level of `invoke verify`, or what `--with` adds to one."""

    name: RowName
    alias: str = ""  # its former name, still understood
    holds: tuple[str, ...] = ()  # the levels of parts that it runs
    proves: str  # in one line
    source: Source


@dataclass(frozen=True, kw_only=True)
class WineEnvironment:
    """What a Windows Python needs that is run elsewhere, by Wine."""

    variables: Mapping[str, str]  # unless whoever asks has set them
    patience: float  # by how much longer than on its own system a part may take
    source: Source


Parts = Mapping[str, VerificationPart]
